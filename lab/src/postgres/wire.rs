//! A wire to Postgres that can be cut in the middle of a statement: a proxy on loopback that knows where a statement begins and
//! where its answer ends (the manual of Postgres, "Frontend/Backend Protocol").
//!
//! What a client was not told may have been committed: that is the case in which money is lost or moved twice.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Where the wire is cut, by the next statement that comes along; the first one of a connection sets it up, and does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// The statement never arrives.
    Before,
    /// It is carried out and committed; the answer never arrives.
    After,
}

/// The wire of one daemon. Its connections break when it is dropped.
#[derive(Debug)]
pub struct Wire {
    port: u16,
    armed: Arc<Mutex<Option<Cut>>>,
    /// Where its far end is.
    server_port: Arc<AtomicU16>,
    stopped: CancellationToken,
    /// Accepts connections; ends with the wire.
    _accepting: JoinSet<()>,
}

/// Executes a prepared statement.
const EXECUTE: u8 = b'E';
/// The end of what a client asks for at once.
const SYNC: u8 = b'S';
/// The server waits for the next statement: what was asked for is committed, or it failed.
const READY: u8 = b'Z';

impl Wire {
    /// Lays a wire to a server on this machine.
    pub async fn lay(server_port: u16) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        let armed = Arc::new(Mutex::new(None));
        let stopped = CancellationToken::new();
        let server_port = Arc::new(AtomicU16::new(server_port));
        let mut accepting = JoinSet::new();
        accepting.spawn(accept(
            listener,
            Arc::clone(&server_port),
            Arc::clone(&armed),
            stopped.clone(),
        ));
        Ok(Self {
            port,
            armed,
            server_port,
            stopped,
            _accepting: accepting,
        })
    }

    /// Its near end.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// New connections go to another server on this machine.
    pub fn lead_to(&self, server_port: u16) {
        self.server_port.store(server_port, Ordering::SeqCst);
    }

    /// Cuts the connection that carries the next statement.
    pub fn cut(&self, cut: Cut) {
        *self.armed.lock().unwrap_or_else(PoisonError::into_inner) = Some(cut);
    }

    /// Whether the cut is still to come.
    pub fn is_armed(&self) -> bool {
        self.armed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .is_some()
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.stopped.cancel();
    }
}

async fn accept(
    listener: TcpListener,
    server_port: Arc<AtomicU16>,
    armed: Arc<Mutex<Option<Cut>>>,
    stopped: CancellationToken,
) {
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        let (armed, stopped) = (Arc::clone(&armed), stopped.clone());
        let server_port = server_port.load(Ordering::SeqCst);
        let server = SocketAddr::from((Ipv4Addr::LOCALHOST, server_port));
        connections.spawn(async move {
            tokio::select! {
                // An error is the end of the connection: both sides find out by themselves.
                carried = carry(client, server, armed) => drop(carried),
                () = stopped.cancelled() => {}
            }
        });
        while connections.try_join_next().is_some() {}
    }
}

/// Carries one connection until a side ends it or it is cut.
async fn carry(
    client: TcpStream,
    server: SocketAddr,
    armed: Arc<Mutex<Option<Cut>>>,
) -> io::Result<()> {
    client.set_nodelay(true)?;
    let (from_client, to_client) = client.into_split();
    // All that a client has said is read before its connection ends: it sees an end then, and not a reset.
    let mut from_client = BufReader::new(from_client);
    let mut hello = Vec::new();
    // The first message has no type.
    body(&mut from_client, &mut hello).await?;
    let server = TcpStream::connect(server).await?;
    server.set_nodelay(true)?;
    let (from_server, mut to_server) = server.into_split();
    to_server.write_all(&hello).await?;
    let deaf = Arc::new(AtomicBool::new(false));
    let mut both = JoinSet::new();
    both.spawn(ask(from_client, to_server, armed, Arc::clone(&deaf)));
    both.spawn(answer(from_server, to_client, deaf));
    // The end of one direction is the end of both.
    both.join_next().await;
    Ok(())
}

/// From the client to the server. Returns when the connection is to be broken.
async fn ask(
    mut from: BufReader<OwnedReadHalf>,
    mut to: OwnedWriteHalf,
    armed: Arc<Mutex<Option<Cut>>>,
    deaf: Arc<AtomicBool>,
) -> io::Result<()> {
    let (mut message, mut cut) = (Vec::new(), None);
    let mut is_set_up = false;
    loop {
        let kind = typed(&mut from, &mut message).await?;
        // When a pool opens a connection, and sets it up, is a matter of chance: that is no statement to be cut.
        if kind == EXECUTE && std::mem::replace(&mut is_set_up, true) {
            cut = armed.lock().unwrap_or_else(PoisonError::into_inner).take();
            if cut == Some(Cut::After) {
                deaf.store(true, Ordering::SeqCst);
            }
        }
        if cut != Some(Cut::Before) {
            to.write_all(&message).await?;
        }
        match cut.filter(|_| kind == SYNC) {
            None => {}
            Some(Cut::Before) => return Ok(()),
            // The other direction breaks the connection once the server has done it.
            Some(Cut::After) => std::future::pending().await,
        }
    }
}

/// From the server to the client.
async fn answer(
    from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    deaf: Arc<AtomicBool>,
) -> io::Result<()> {
    let mut from = BufReader::new(from);
    let mut message = Vec::new();
    loop {
        let kind = typed(&mut from, &mut message).await?;
        if deaf.load(Ordering::SeqCst) {
            if kind == READY {
                return Ok(());
            }
            continue;
        }
        to.write_all(&message).await?;
    }
}

/// Reads a message with its type, whole.
async fn typed(from: &mut BufReader<OwnedReadHalf>, message: &mut Vec<u8>) -> io::Result<u8> {
    let kind = from.read_u8().await?;
    message.clear();
    message.push(kind);
    body(from, message).await?;
    Ok(kind)
}

/// Reads a message from its length on.
async fn body(from: &mut BufReader<OwnedReadHalf>, message: &mut Vec<u8>) -> io::Result<()> {
    let length = from.read_u32().await?;
    message.extend_from_slice(&length.to_be_bytes());
    // The length counts itself.
    let rest = u64::from(length.saturating_sub(4));
    let read = from.take(rest).read_to_end(message).await?;
    if u64::try_from(read).is_ok_and(|read| read == rest) {
        Ok(())
    } else {
        Err(io::ErrorKind::UnexpectedEof.into())
    }
}
