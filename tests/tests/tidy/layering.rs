//! The crates form a strict DAG: each may use only what lies below it.

use std::process::Command;

use crate::assert_none;
use crate::tree::root;

/// A crate, what it may depend on, and what its tests and benchmarks may use besides.
struct Layer {
    name: &'static str,
    may_use: &'static [&'static str],
    tests_may_use: &'static [&'static str],
}

const LAYERS: &[Layer] = &[
    // The codec's own tests compare against generated code, never against a crate above.
    Layer { name: "prism-proto", may_use: &[], tests_may_use: &[] },
    Layer { name: "prism-shard", may_use: &["prism-proto"], tests_may_use: &[] },
    Layer { name: "prism-backends", may_use: &["prism-proto", "prism-shard"], tests_may_use: &[] },
    Layer { name: "prism-proxy", may_use: &["prism-proto", "prism-shard", "prism-backends"], tests_may_use: &[] },
    Layer { name: "prism-bench", may_use: &["prism-proto", "prism-shard"], tests_may_use: &["prism-backends"] },
    Layer {
        name: "prism-tests",
        may_use: &["prism-proto", "prism-shard", "prism-backends", "prism-proxy"],
        tests_may_use: &[],
    },
];

/// Packages that only one crate may name.
const RESERVED: &[(&str, &str)] =
    &[("glommio", "prism-shard"), ("glommio-ng", "prism-shard"), ("io-uring", "prism-shard")];

#[test]
fn crates_depend_downwards_only() {
    let mut offences = Vec::new();
    for package in packages() {
        let name = package["name"].as_str().expect("a package has a name");
        let Some(layer) = LAYERS.iter().find(|layer| layer.name == name) else {
            offences.push(format!("{name} has no place in the order of crates: give it one in {}", file!()));
            continue;
        };
        for (dependency, kind) in dependencies(&package) {
            let allowed = match kind.as_str() {
                "dev" => {
                    layer.may_use.contains(&dependency.as_str()) || layer.tests_may_use.contains(&dependency.as_str())
                }
                _ => layer.may_use.contains(&dependency.as_str()),
            };
            if dependency.starts_with("prism-") && dependency != name && !allowed {
                offences.push(format!("{name} may not depend on {dependency} ({kind})"));
            }
        }
    }
    assert_none("crates depend only downwards", &offences);
}

#[test]
fn reserved_packages_are_named_by_their_crate_alone() {
    let mut offences = Vec::new();
    for package in packages() {
        let name = package["name"].as_str().expect("a package has a name").to_owned();
        for (dependency, _) in dependencies(&package) {
            if let Some((_, owner)) =
                RESERVED.iter().find(|(reserved, owner)| *reserved == dependency && *owner != name)
            {
                offences.push(format!("{name} depends on {dependency}, which is {owner}'s alone"));
            }
        }
    }
    assert_none("some packages belong to one crate", &offences);
}

/// The workspace's packages as cargo sees them.
fn packages() -> Vec<serde_json::Value> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let output = Command::new(cargo)
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(root())
        .output()
        .expect("cargo can be started");
    assert!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).expect("cargo writes JSON");
    metadata["packages"].as_array().expect("a list of packages").clone()
}

/// The names of a package's dependencies with their kinds (`normal`, `dev`, `build`).
fn dependencies(package: &serde_json::Value) -> Vec<(String, String)> {
    let list = package["dependencies"].as_array().expect("a list of dependencies");
    let pair = |dependency: &serde_json::Value| {
        let name = dependency["name"].as_str().expect("a dependency has a name").to_owned();
        (name, dependency["kind"].as_str().unwrap_or("normal").to_owned())
    };
    list.iter().map(pair).collect()
}
