//! A TLS server of the test's own, whose authority only the child trusts, and the child.

use std::{
    fs,
    io::{self, BufRead as _, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::Arc,
    thread,
};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::{
    ServerConfig, ServerConnection, StreamOwned, crypto::ring, pki_types::PrivatePkcs8KeyDer,
};
use tempfile::TempDir;

pub const HEADER: &str = "Service Name,Port Number,Transport Protocol,Description,Assignee,Contact,Registration Date,\
                      Modification Date,Reference,Service Code,Unauthorized Use Reported,Assignment Notes\n";

/// A name that only a proxy can reach.
pub const BEHIND_PROXY: &str = "registry.example";

/// A registry of these names, at ports from 1 on.
pub fn registry(names: &[&str]) -> String {
    let rows = names.iter().enumerate().map(|(index, name)| {
        let port = index + 1;
        format!("{name},{port},tcp,,,,,,,,,\n")
    });
    HEADER.to_owned() + &rows.collect::<String>()
}

/// What a server does with a connection after it has read the head of a request.
pub type Answer = Arc<dyn Fn(&str, &mut dyn Write) -> io::Result<()> + Send + Sync>;

/// A 200 with this body.
pub fn ok(body: impl Into<Vec<u8>>) -> Answer {
    let body = body.into();
    Arc::new(move |_, out| {
        let length = body.len();
        write!(
            out,
            "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nLast-Modified: Fri, 20 Nov 2026 06:00:00 GMT\r\n\r\n"
        )?;
        out.write_all(&body)
    })
}

/// These bytes, and then the end.
pub fn raw(bytes: &'static str) -> Answer {
    Arc::new(|_, out| out.write_all(bytes.as_bytes()))
}

/// A folder with the file to replace and the authority to trust, and a server on 127.0.0.1.
pub struct World {
    pub folder: TempDir,
    pub authority: PathBuf,
    pub port: u16,
}

impl World {
    /// A server that gives `answer` to every request.
    pub fn answering(answer: Answer) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let name = folder.path().display().to_string();
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().expect("a key");
        let authority = CertifiedIssuer::self_signed(params, key).expect("an authority");
        let key = KeyPair::generate().expect("a key");
        let names = ["127.0.0.1", BEHIND_PROXY].map(str::to_owned);
        let certificate = CertificateParams::new(names)
            .and_then(|params| params.signed_by(&key, &authority))
            .expect("a certificate");
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("protocol versions")
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
            )
            .expect("a server");
        let config = Arc::new(config);
        let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
        let port = listener.local_addr().expect("its address").port();
        thread::spawn(move || {
            for socket in listener.incoming().flatten() {
                // A client that does not want to hear more hangs up.
                let _hung_up = serve(socket, &config, &answer);
            }
        });
        // Beside the folder's own files, so that left-overs there stand out.
        let trusted = folder.path().join("trusted");
        fs::create_dir(&trusted).expect("a folder");
        let path = trusted.join("authority.pem");
        fs::write(&path, authority.pem()).expect("a file");
        Self {
            folder,
            authority: path,
            port,
        }
    }

    pub fn url(&self) -> String {
        format!("https://127.0.0.1:{}/registry.csv", self.port)
    }

    pub fn file(&self) -> PathBuf {
        self.folder.path().join("registry.csv")
    }

    pub fn with_file(self, content: impl AsRef<[u8]>) -> Self {
        fs::write(self.file(), content).expect("a file");
        self
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_portclass"));
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy().to_ascii_uppercase();
            if text.starts_with("PORTCLASS_") || text.ends_with("_PROXY") || text == "SSL_CERT_DIR"
            {
                command.env_remove(name);
            }
        }
        command
            .args(["registry", "update"])
            .args(arguments)
            .current_dir(self.folder.path())
            .env("SSL_CERT_FILE", &self.authority)
            .stdin(Stdio::null());
        command
    }

    /// Updates `registry.csv` from the server.
    pub fn update(&self, options: &[&str]) -> Updated {
        let url = self.url();
        let arguments = [&["registry.csv", "--from", &url], options].concat();
        Updated::of(self.command(&arguments))
    }

    pub fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(self.folder.path()).expect("a folder");
        let mut names: Vec<_> = entries
            .map(|entry| entry.expect("an entry").file_name())
            .map(|name| name.to_string_lossy().into_owned())
            .filter(|name| name != "trusted")
            .collect();
        names.sort();
        names
    }

    /// Updates an old registry, which must fail with one line of these parts and leave everything as it was.
    pub fn refuses(self, options: &[&str], parts: &[&str]) {
        let old = registry(&["one", "two"]);
        let world = self.with_file(&old);
        world.update(options).failed(parts);
        world.unchanged(&old);
    }

    pub fn unchanged(&self, old: &str) {
        let now = fs::read(self.file()).expect("the file");
        assert_eq!(String::from_utf8_lossy(&now), old);
        assert_eq!(self.files(), ["registry.csv"]);
    }
}

/// Serves one connection, which may first ask for a way through a proxy.
pub fn serve(mut socket: TcpStream, config: &Arc<ServerConfig>, answer: &Answer) -> io::Result<()> {
    let mut first = [0];
    socket.peek(&mut first)?;
    if first == *b"C" {
        let request = head(&mut socket)?;
        assert!(
            request.starts_with(&format!("CONNECT {BEHIND_PROXY}:443 ")),
            "{request}"
        );
        socket.write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
    }
    let connection = ServerConnection::new(config.clone()).map_err(io::Error::other)?;
    let mut stream = StreamOwned::new(connection, socket);
    let request = head(&mut stream)?;
    answer(&request, &mut stream)?;
    stream.conn.send_close_notify();
    stream.flush()?;
    stream.sock.shutdown(std::net::Shutdown::Write)
}

/// The head of a request, byte by byte, so that nothing behind it is taken.
pub fn head(stream: &mut impl Read) -> io::Result<String> {
    let mut text = String::new();
    let mut lines = BufReader::with_capacity(1, stream);
    while !text.ends_with("\r\n\r\n") {
        if lines.read_line(&mut text)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(text)
}

pub struct Updated {
    pub status: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Updated {
    pub fn of(mut command: Command) -> Self {
        let Output {
            status,
            stdout,
            stderr,
        } = command.output().expect("portclass starts");
        Self {
            status: status.code(),
            stdout: String::from_utf8(stdout).expect("text"),
            stderr: String::from_utf8(stderr).expect("text"),
        }
    }

    pub fn succeeded(&self, parts: &[&str]) {
        assert_eq!(self.status, Some(0), "{}", self.stderr);
        self.said(parts);
    }

    pub fn failed(&self, parts: &[&str]) {
        assert_eq!(self.status, Some(1), "{}", self.stderr);
        assert_eq!(self.stdout, "", "data of a call that fails");
        self.said(parts);
    }

    pub fn said(&self, parts: &[&str]) {
        assert_eq!(self.stderr.lines().count(), 1, "{}", self.stderr);
        assert!(self.stderr.starts_with("portclass: "), "{}", self.stderr);
        for part in parts {
            assert!(self.stderr.contains(part), "{part:?} in {}", self.stderr);
        }
    }
}

pub fn read(path: &Path) -> String {
    fs::read_to_string(path).expect("the file")
}
