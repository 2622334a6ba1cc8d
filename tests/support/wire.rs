//! A wire between a daemon and Postgres that can be refused, slow, dead, or cut around a chosen statement.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};
use url::Url;

/// Between loopback and Postgres. Ends with its runtime.
pub(crate) struct Wire {
    address: SocketAddr,
    state: Arc<State>,
}

/// How the wire is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Forward,
    /// Nobody listens; what was open is cut.
    Refused,
    /// What is open stays open, and nothing comes through in either direction.
    Dead,
}

/// What happens to the connection of a chosen statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// The server never sees it.
    Before,
    /// The server has done it and committed, and nobody hears of it.
    After,
}

struct State {
    server: Mutex<SocketAddr>,
    mode: watch::Sender<Mode>,
    /// Before every answer, in milliseconds.
    delay: AtomicU64,
    /// Cuts to come, by a piece of the statement's text.
    cuts: Mutex<Vec<(String, Cut)>>,
    made: AtomicUsize,
    cut_all: Notify,
    /// Connections are numbered; those up to here are dead for good.
    stranded: AtomicU64,
    taken: AtomicU64,
}

impl Wire {
    /// A wire to the server of a database address.
    pub(crate) async fn to(url: &str) -> Self {
        let server = server(url);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State {
            server: Mutex::new(server),
            mode: watch::Sender::new(Mode::Forward),
            delay: AtomicU64::new(0),
            cuts: Mutex::default(),
            made: AtomicUsize::new(0),
            cut_all: Notify::new(),
            stranded: AtomicU64::new(0),
            taken: AtomicU64::new(0),
        });
        tokio::spawn(listen(listener, address, Arc::clone(&state)));
        Self { address, state }
    }

    /// New connections go to the server of another database address.
    pub(crate) fn lead_to(&self, url: &str) {
        *self.state.server.lock().unwrap() = server(url);
    }

    /// The same database, through this wire.
    pub(crate) fn url(&self, url: &str) -> String {
        let mut url: Url = url.parse().unwrap();
        url.set_port(Some(self.address.port())).unwrap();
        url.to_string()
    }

    pub(crate) fn set(&self, mode: Mode) {
        self.state.mode.send_replace(mode);
    }

    /// Every answer takes so much longer.
    pub(crate) fn delay(&self, delay: Duration) {
        let millis = u64::try_from(delay.as_millis()).unwrap();
        self.state.delay.store(millis, Ordering::Relaxed);
    }

    /// Cuts the connection of the next statement with this text in it.
    pub(crate) fn cut(&self, text: &str, cut: Cut) {
        self.state.cuts.lock().unwrap().push((text.to_owned(), cut));
    }

    /// How many chosen statements have come by.
    pub(crate) fn cuts_made(&self) -> usize {
        self.state.made.load(Ordering::Relaxed)
    }

    /// Nothing comes through any more on what is open now. New connections are as good as before.
    pub(crate) fn strand(&self) {
        let taken = self.state.taken.load(Ordering::Relaxed);
        self.state.stranded.store(taken, Ordering::Relaxed);
    }

    /// Cuts every connection there is. New ones are taken as before.
    pub(crate) fn cut_all(&self) {
        self.state.cut_all.notify_waiters();
    }
}

fn server(url: &str) -> SocketAddr {
    let url: Url = url.parse().unwrap();
    url.socket_addrs(|| Some(5432)).unwrap()[0]
}

impl State {
    /// Waits until something comes through on a connection, for ever if it is stranded.
    async fn comes_through(&self, number: u64) {
        self.is(|mode| *mode != Mode::Dead).await;
        if number <= self.stranded.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
    }

    async fn is(&self, wanted: impl FnMut(&Mode) -> bool) {
        drop(self.mode.subscribe().wait_for(wanted).await);
    }
}

async fn listen(listener: TcpListener, address: SocketAddr, state: Arc<State>) {
    let mut listener = Some(listener);
    loop {
        let open = match listener.take() {
            Some(open) => open,
            None => TcpListener::bind(address).await.unwrap(),
        };
        loop {
            tokio::select! {
                accepted = open.accept() => {
                    let (client, _) = accepted.unwrap();
                    tokio::spawn(connect(client, Arc::clone(&state)));
                }
                () = state.is(|mode| *mode == Mode::Refused) => break,
            }
        }
        drop(open);
        state.is(|mode| *mode != Mode::Refused).await;
    }
}

async fn connect(client: TcpStream, state: Arc<State>) {
    let number = state.taken.fetch_add(1, Ordering::Relaxed) + 1;
    let server = *state.server.lock().unwrap();
    // Over when either side is, as it is when a server dies.
    let Ok(server) = TcpStream::connect(server).await else {
        return;
    };
    // Or each statement waits for an acknowledgement that is put off.
    for side in [&client, &server] {
        side.set_nodelay(true).unwrap();
    }
    let (client_in, client_out) = client.into_split();
    let (server_in, server_out) = server.into_split();
    let (swallow, is_swallowed) = watch::channel(false);
    tokio::select! {
        () = up(client_in, server_out, (&state, number), swallow) => {}
        () = down(server_in, client_out, (&state, number), is_swallowed) => {}
        () = state.cut_all.notified() => {}
        () = state.is(|mode| *mode == Mode::Refused) => {}
    }
}

/// From the client, message by message.
async fn up(
    mut client: OwnedReadHalf,
    mut server: OwnedWriteHalf,
    (state, number): (&State, u64),
    swallow: watch::Sender<bool>,
) {
    let mut statements = HashMap::new();
    let (mut executes, mut started) = (String::new(), false);
    while let Some(message) = read_message(&mut client, &mut started).await {
        state.comes_through(number).await;
        let words = |from: usize| {
            let text = String::from_utf8_lossy(message.get(from..).unwrap_or_default());
            text.split('\0').map(str::to_owned).collect::<Vec<_>>()
        };
        let mut cut = None;
        match message[0] {
            b'P' => drop(statements.insert(words(5)[0].clone(), words(5)[1].clone())),
            b'B' => executes.clone_from(&statements[&words(5)[1]]),
            b'E' => cut = chosen(state, &executes),
            b'Q' => cut = chosen(state, &words(5)[0]),
            _ => {}
        }
        match cut {
            Some(Cut::Before) => return,
            Some(Cut::After) => drop(swallow.send_replace(true)),
            None => {}
        }
        if server.write_all(&message).await.is_err() {
            return;
        }
    }
}

/// The cut that waits for this statement, if one does.
fn chosen(state: &State, statement: &str) -> Option<Cut> {
    let mut cuts = state.cuts.lock().unwrap();
    let at = cuts.iter().position(|(text, _)| statement.contains(text))?;
    state.made.fetch_add(1, Ordering::Relaxed);
    Some(cuts.remove(at).1)
}

/// One message with its header. The first ones of a connection have no type.
async fn read_message(client: &mut OwnedReadHalf, started: &mut bool) -> Option<Vec<u8>> {
    let header = if *started { 5 } else { 4 };
    let mut message = vec![0; header];
    client.read_exact(&mut message).await.ok()?;
    let length = u32::from_be_bytes(message[header - 4..].try_into().unwrap());
    let rest = usize::try_from(length).unwrap() - 4;
    message.resize(header + rest, 0);
    client.read_exact(&mut message[header..]).await.ok()?;
    // Before the start-up message a client may ask whether there is TLS.
    if !*started {
        *started = message[4..8] != 80_877_103_u32.to_be_bytes();
    }
    Some(message)
}

/// From the server, as it comes. When an answer is swallowed, up to its end: what it is about is committed by then.
async fn down(
    mut server: OwnedReadHalf,
    mut client: OwnedWriteHalf,
    (state, number): (&State, u64),
    is_swallowed: watch::Receiver<bool>,
) {
    let mut buffer = vec![0; 1 << 16];
    loop {
        let Ok(read @ 1..) = server.read(&mut buffer).await else {
            return;
        };
        if *is_swallowed.borrow() {
            if buffer[..read].ends_with(b"Z\0\0\0\x05I") {
                return;
            }
            continue;
        }
        let delay = state.delay.load(Ordering::Relaxed);
        if delay > 0 {
            tokio::time::sleep(Duration::from_millis(delay)).await;
        }
        state.comes_through(number).await;
        if client.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}
