//! Conversations with a scripted client, one file for each concern.

mod client;
mod compression;
mod drain;
mod encodings;
mod expire;
mod floods;
mod frames;
mod grants;
mod messages;
mod parts;
mod preface;
mod requests;
mod room;
mod simulation;
mod splits;
mod stalls;
mod straight;
mod streaming;
mod streams;
mod unary;
mod windows;
