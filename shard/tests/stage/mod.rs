//! An echo server on real shards, with the switches that the tests turn.
#![allow(dead_code, clippy::unwrap_used)]

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use prism_shard::{Application, Config, Counter, Machine, PeerId, Shards, Turn, launch};

/// A machine that sends what it is told to and ends when it is told to.
#[derive(Default)]
pub(crate) struct Echo {
    pub(crate) output: Vec<u8>,
    pub(crate) finished: bool,
    /// Chunks still to be sent, each when the one before is.
    pub(crate) chunks: usize,
    /// What it has received beyond its share of the turn.
    backlog: Vec<u8>,
    /// The turn in which it was served last, by its time, and how much it was served in that.
    served: (u64, usize),
}

/// What `stream` draws after its echo.
pub(crate) const CHUNKS: usize = 200;
pub(crate) const CHUNK_BYTES: usize = 64 << 10;

impl Machine for Echo {
    fn output(&mut self) -> &mut Vec<u8> {
        &mut self.output
    }

    fn is_finished(&self) -> bool {
        self.finished
    }
}

/// What a test asks of a shard.
pub(crate) enum Order {
    /// Play a ball to and fro with the other shard, so many strokes.
    Rally(u32),
    /// Send so many parcels to the other shard in one turn.
    Flood(u32),
    /// Panic.
    Panic,
    /// Set a timer so far ahead, in nanoseconds.
    Timer(u64, u64),
    /// Read the peers no longer, or again.
    Pause(bool),
    /// Close all peers.
    CloseAll,
    /// Make this socket a peer and send these bytes on it.
    Adopt(TcpStream, Vec<u8>),
    /// Be drained only after [`Order::Release`].
    Hold,
    Release,
    /// Say how much is unsent.
    Unsent,
    /// Have so many slices of background work.
    Tend(u32),
    /// Echo no more than so many bytes of a peer in one turn, and tell of each echo.
    Share(usize),
    /// Say so, and stand still until the test comes to the barrier too.
    Stand(Arc<Barrier>),
}

/// What crosses between shards.
pub(crate) enum Parcel {
    Ball(u32),
    Flood(u32),
}

/// What the application tells the test.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Event {
    Connected(u32),
    Closed(u32),
    RallyOver(u32),
    Flooded {
        refused: u32,
    },
    FloodArrived(u32),
    Expired {
        token: u64,
        early: bool,
    },
    Draining(u32),
    Unsent(usize),
    Adopted,
    Received(usize),
    Tended,
    Standing,
    /// So many bytes of a peer, which is named by the first of them, were echoed in the turn of this time.
    Served {
        first: u8,
        bytes: usize,
        turn_ns: u64,
    },
    Background,
}

pub(crate) struct Stage {
    events: Sender<Event>,
    held: bool,
    deadline_ns: u64,
    flood: u32,
    report_bytes: bool,
    tend: u32,
    share: usize,
}

impl Stage {
    fn tell(&self, event: Event) {
        // The test may have ended.
        let _ = self.events.send(event);
    }

    /// Echoes what a peer may have of this turn, and asks for the next when there is more.
    fn serve(&mut self, turn: &mut Turn<'_, Self>, peer: PeerId) {
        let Some(echo) = turn.peers.get_mut(peer) else { return };
        if echo.served.0 != turn.now_ns {
            echo.served = (turn.now_ns, 0);
        }
        let bytes = echo.backlog.len().min(self.share - echo.served.1);
        let first = echo.backlog[0];
        echo.output.extend(echo.backlog.drain(..bytes));
        echo.served.1 += bytes;
        if !echo.backlog.is_empty() {
            turn.peers.call_again(peer);
        }
        if bytes > 0 {
            self.tell(Event::Served { first, bytes, turn_ns: turn.now_ns });
        }
    }
}

impl Application for Stage {
    type Machine = Echo;
    type Parcel = Parcel;
    type Control = Order;

    fn connected(&mut self, turn: &mut Turn<'_, Self>, _peer: PeerId) -> Echo {
        self.tell(Event::Connected(turn.shard));
        Echo::default()
    }

    fn received(&mut self, turn: &mut Turn<'_, Self>, peer: PeerId, bytes: &[u8]) {
        assert!(!bytes.is_empty());
        if self.report_bytes {
            self.tell(Event::Received(bytes.len()));
        }
        if self.share > 0 {
            if let Some(echo) = turn.peers.get_mut(peer) {
                echo.backlog.extend_from_slice(bytes);
            }
            return self.serve(turn, peer);
        }
        if let Some(echo) = turn.peers.get_mut(peer) {
            echo.output.extend_from_slice(bytes);
            echo.finished |= bytes.ends_with(b"bye\n");
            echo.chunks += if bytes == b"stream\n" { CHUNKS } else { 0 };
        }
        if bytes == b"close\n" {
            turn.peers.close(peer);
            assert!(turn.peers.get_mut(peer).is_none());
        }
    }

    fn closed(&mut self, turn: &mut Turn<'_, Self>, peer: PeerId, _machine: Echo) {
        assert!(turn.peers.get_mut(peer).is_none(), "a closed peer is not found");
        self.tell(Event::Closed(turn.shard));
    }

    fn parcel(&mut self, turn: &mut Turn<'_, Self>, from: u32, parcel: Parcel) {
        match parcel {
            Parcel::Ball(0) => self.tell(Event::RallyOver(turn.shard)),
            Parcel::Ball(left) => assert!(turn.mesh.send(from, Parcel::Ball(left - 1)).is_ok()),
            Parcel::Flood(number) => {
                assert_eq!(number, self.flood, "parcels arrive in order");
                self.flood += 1;
                self.tell(Event::FloodArrived(number));
            }
        }
    }

    fn expired(&mut self, turn: &mut Turn<'_, Self>, token: u64) {
        self.tell(Event::Expired { token, early: turn.now_ns < self.deadline_ns });
    }

    fn control(&mut self, turn: &mut Turn<'_, Self>, order: Order) {
        let other = (turn.shard + 1) % turn.shards;
        let ids: Vec<_> = turn.peers.ids().collect();
        match order {
            Order::Rally(strokes) => assert!(turn.mesh.send(other, Parcel::Ball(strokes)).is_ok()),
            Order::Flood(count) => {
                let refused = (0..count).filter(|n| turn.mesh.send(other, Parcel::Flood(*n)).is_err()).count();
                self.tell(Event::Flooded { refused: refused as u32 });
            }
            Order::Panic => panic!("ordered to"),
            Order::Timer(ahead_ns, token) => {
                self.deadline_ns = turn.now_ns + ahead_ns;
                turn.timers.set(self.deadline_ns, token).unwrap();
            }
            Order::Pause(true) => ids.into_iter().for_each(|id| turn.peers.pause_reading(id)),
            Order::Pause(false) => ids.into_iter().for_each(|id| turn.peers.resume_reading(id)),
            Order::CloseAll => ids.into_iter().for_each(|id| turn.peers.close(id)),
            Order::Adopt(socket, output) => {
                let machine = Echo { output, ..Echo::default() };
                assert!(turn.peers.adopt(socket.into(), machine).is_ok());
                self.tell(Event::Adopted);
            }
            Order::Hold => self.held = true,
            Order::Release => self.held = false,
            Order::Unsent => {
                let unsent = ids.into_iter().map(|id| turn.peers.unsent_bytes(id)).sum();
                self.tell(Event::Unsent(unsent));
            }
            Order::Tend(slices) => self.tend = slices,
            Order::Share(bytes) => self.share = bytes,
            Order::Stand(barrier) => {
                self.tell(Event::Standing);
                barrier.wait();
            }
        }
    }

    fn drain(&mut self, turn: &mut Turn<'_, Self>) {
        self.tell(Event::Draining(turn.shard));
    }

    fn called_again(&mut self, turn: &mut Turn<'_, Self>, peer: PeerId) {
        self.serve(turn, peer);
    }

    fn is_drained(&self, _turn: &mut Turn<'_, Self>) -> bool {
        !self.held
    }

    fn flushed(&mut self, turn: &mut Turn<'_, Self>, peer: PeerId) {
        assert_eq!(turn.peers.unsent_bytes(peer), 0);
        if let Some(echo) = turn.peers.get_mut(peer)
            && echo.chunks > 0
        {
            echo.chunks -= 1;
            echo.output.resize(CHUNK_BYTES, b'c');
        }
    }

    fn tend(&mut self, _turn: &mut Turn<'_, Self>) -> bool {
        if self.tend == 0 {
            return false;
        }
        self.tend -= 1;
        if self.tend == 0 {
            self.tell(Event::Tended);
        }
        self.tend > 0
    }
}

/// Running shards with an echo on a port of the system's choice.
pub(crate) struct Running {
    pub(crate) shards: Option<Shards<Stage>>,
    pub(crate) events: Receiver<Event>,
    pub(crate) address: SocketAddr,
}

/// How long a test waits for what must come; only a failing test waits that long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

impl Running {
    /// Starts so many shards, on as many different cores as there are.
    pub(crate) fn start(shards: usize) -> Self {
        Self::start_with(shards, |_| {})
    }

    pub(crate) fn start_with(shards: usize, configure: impl FnOnce(&mut Config)) -> Self {
        Self::start_reporting(shards, false, configure)
    }

    pub(crate) fn start_reporting(shards: usize, report_bytes: bool, configure: impl FnOnce(&mut Config)) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let cores = std::thread::available_parallelism().unwrap().get();
        let mut config = Config::new((0..shards).map(|shard| shard % cores).collect(), vec![listener.into()]);
        configure(&mut config);
        let (sender, events) = channel();
        let make = move |_| {
            let stage = Stage {
                events: sender.clone(),
                held: false,
                deadline_ns: 0,
                flood: 0,
                report_bytes,
                tend: 0,
                share: 0,
            };
            let events = sender.clone();
            glommio::spawn_local(async move {
                for _ in 0..3 {
                    glommio::timer::sleep(Duration::from_millis(1)).await;
                }
                let _ = events.send(Event::Background);
            })
            .detach();
            stage
        };
        let shards = launch(config, make).unwrap();
        assert_eq!(shards.local_addrs()[0].as_tcp(), Some(address));
        Self { shards: Some(shards), events, address }
    }

    pub(crate) fn shards(&self) -> &Shards<Stage> {
        self.shards.as_ref().unwrap()
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    pub(crate) fn order(&self, shard: u32, order: Order) {
        assert!(self.shards().control(shard, order).is_ok());
    }

    /// The next event that is not of a background task.
    pub(crate) fn event(&self) -> Event {
        loop {
            match self.events.recv_timeout(PATIENCE).expect("an event comes") {
                Event::Background => {}
                event => return event,
            }
        }
    }

    /// Waits for events until `wanted` have been seen that `matches` takes.
    pub(crate) fn await_events(&self, wanted: usize, matches: impl Fn(&Event) -> bool) {
        let mut seen = 0;
        while seen < wanted {
            seen += usize::from(matches(&self.event()));
        }
    }

    pub(crate) fn counted(&self, counter: Counter) -> u64 {
        self.shards().counters().iter().map(|snapshot| snapshot.get(counter)).sum()
    }

    /// Waits until the shards have counted so many together: they count at the end of the turn in which it happens.
    pub(crate) fn await_counted(&self, counter: Counter, expected: u64) {
        let end = Instant::now() + PATIENCE;
        while self.counted(counter) != expected {
            assert!(Instant::now() < end, "{}: {} of {expected}", counter.name(), self.counted(counter));
            std::thread::yield_now();
        }
    }

    /// Drains and waits for the end.
    pub(crate) fn finish(mut self) {
        let shards = self.shards.take().unwrap();
        shards.drain(PATIENCE);
        shards.join().unwrap();
    }
}
