//! A real PgBouncer in transaction mode, as a system's package manager installs it.

use std::fs::{self, File, Permissions};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Command};

use tempfile::TempDir;
use url::Url;

use super::running::until;

/// It is killed when it is dropped.
pub(crate) struct PgBouncer {
    child: Child,
    port: u16,
    folder: TempDir,
}

impl PgBouncer {
    /// Before the server of a database address, with so many server connections for all clients of a database.
    pub(crate) async fn before(server: &str, pool_size: u32) -> Self {
        let server: Url = server.parse().unwrap();
        let server = server.port().unwrap();
        let folder = tempfile::tempdir().unwrap();
        // It drops to another user when we are root, and reads its file again as that one.
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let file = folder.path().join("pgbouncer.ini");
        let settings = format!(
            "[databases]\n* = host=127.0.0.1 port={server} user=postgres\n\
             [pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = any\n\
             pool_mode = transaction\ndefault_pool_size = {pool_size}\nmax_client_conn = 300\n"
        );
        fs::write(&file, settings).unwrap();
        let mut command = Command::new(program());
        if rustix::process::geteuid().is_root() {
            command.args(["-u", "nobody"]);
        }
        let said = File::create(folder.path().join("said")).unwrap();
        let child = command.arg(&file).stderr(said).spawn().unwrap();
        let bouncer = Self {
            child,
            port,
            folder,
        };
        until("PgBouncer listens", async || {
            TcpStream::connect(("127.0.0.1", port)).is_ok()
        })
        .await;
        bouncer
    }

    /// The same database, through it.
    pub(crate) fn url(&self, url: &str) -> String {
        let mut url: Url = url.parse().unwrap();
        url.set_port(Some(self.port)).unwrap();
        url.to_string()
    }
}

/// Debian's is not on everybody's PATH.
fn program() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders =
        std::env::split_paths(&path).chain(["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from));
    let found = folders
        .map(|folder| folder.join("pgbouncer"))
        .find(|program| program.is_file());
    found.expect("PgBouncer is not installed: run .ci/set-up")
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!(
                "{}",
                fs::read_to_string(self.folder.path().join("said")).unwrap()
            );
        }
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}
