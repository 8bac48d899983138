//! Conversations with a scripted server, one file for each concern.

mod ends;
mod pair;
mod replies;
mod requests;
mod server;
mod splits;
mod time;
mod windows;
