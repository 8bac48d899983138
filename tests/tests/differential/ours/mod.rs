//! Our client's machine, and servers for it that are not ours.

mod answer;
mod asker;
mod call;
mod frames;
mod h2_server;
mod with_frames;
mod with_h2;
