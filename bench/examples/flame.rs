//! Draws a flame graph: what `perf script` printed comes in, an SVG goes out.

use std::error::Error;
use std::io::{self, BufReader, BufWriter, Write};

use clap::Parser;
use inferno::collapse::Collapse;
use inferno::collapse::perf::Folder;
use inferno::flamegraph::{self, Options};

/// Reads the output of `perf script` from standard input and writes a flame graph (SVG) to standard output.
#[derive(Debug, Parser)]
struct Arguments {
    /// The title.
    #[arg(long, default_value = "Flame graph")]
    title: String,
    /// The line below it.
    #[arg(long)]
    subtitle: Option<String>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let mut folded = Vec::new();
    Folder::default().collapse(BufReader::new(io::stdin().lock()), &mut folded)?;
    let mut options = Options::default();
    options.title = arguments.title;
    options.subtitle = arguments.subtitle;
    let mut svg = BufWriter::new(io::stdout().lock());
    flamegraph::from_reader(&mut options, folded.as_slice(), &mut svg)?;
    svg.flush()?;
    Ok(())
}
