//! Conversations with a scripted client, one file for each concern.

mod client;
mod unary;
