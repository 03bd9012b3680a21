//! A `portclass` process, watched from outside.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    process::{Child, ChildStderr, ChildStdout, Command, ExitStatus, Output, Stdio},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;
use testbed::{
    machine::unless_slow,
    netns::Netns,
    veth::{End, Veth},
};

/// How long anything may take before a test gives up. Processors that are emulated are slow.
pub fn patience() -> Duration {
    Duration::from_secs(unless_slow(20, 120))
}

/// The program, with these arguments separated by blanks, and no setting from the environment.
pub fn portclass(arguments: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portclass"));
    command
        .args(arguments.split_ascii_whitespace())
        .stdin(Stdio::null());
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("PORTCLASS_") {
            command.env_remove(name);
        }
    }
    command
}

/// A copy of the program where ordinary users can run it: the build folder may be closed to them.
pub struct Copy {
    pub path: PathBuf,
    _folder: TempDir,
}

pub fn program_for_others() -> Copy {
    let folder = tempfile::Builder::new()
        .permissions(PermissionsExt::from_mode(0o755))
        .tempdir()
        .expect("a temporary folder");
    let path = folder.path().join("portclass");
    // By another process: what this one has open for writing, a child that another thread starts has open for a moment as
    // well, and nobody can start a program that is being written (ETXTBSY in execve(2)).
    let mut copy = Command::new("cp");
    let copied = copy
        .arg(env!("CARGO_BIN_EXE_portclass"))
        .arg(&path)
        .status();
    assert!(copied.expect("cp starts").success());
    Copy {
        path,
        _folder: folder,
    }
}

/// Waits now and then, for whoever sends many frames: a veth has room for 256 on their way, and loses others
/// (`VETH_RING_SIZE` in drivers/net/veth.c). `received` is what its end had before the first of `sent`.
pub fn leave_room(end: &End<'_>, received: u64, sent: u64) {
    const AT_ONCE: u64 = 64;
    if sent.is_multiple_of(AT_ONCE) {
        wait_until("room for more frames", || {
            end.received().expect("counters") + AT_ONCE >= received + sent
        });
    }
}

/// What a process wrote and how it ended.
pub fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Asserts that a process failed with one line that holds all of `parts`.
pub fn assert_one_line(output: &Output, status: i32, parts: &[&str]) {
    let text = stderr(output);
    assert_eq!(output.status.code(), Some(status), "{text}");
    assert_eq!(text.trim_end().lines().count(), 1, "{text}");
    assert!(text.starts_with("portclass: "), "{text}");
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in: {text}");
    }
}

/// `portclass run`, once it has attached.
pub struct Run {
    child: Child,
    stdout: Option<ChildStdout>,
    stderr: BufReader<ChildStderr>,
    /// What it said before it had attached, that line included.
    pub said: String,
}

impl Run {
    /// Starts it inside `netns` and waits until it has attached to as many interfaces as it was told.
    pub fn start(netns: &Netns, arguments: &str) -> Self {
        Self::start_command(netns, &mut portclass(&format!("run {arguments}")), 1)
    }

    pub fn start_command(netns: &Netns, command: &mut Command, interfaces: usize) -> Self {
        Self::start_into(Stdio::piped(), netns, command, interfaces)
    }

    /// The same, with another stdout than a pipe to the test.
    pub fn start_into(
        stdout: Stdio,
        netns: &Netns,
        command: &mut Command,
        interfaces: usize,
    ) -> Self {
        let child = netns
            .spawn(command.stdout(stdout).stderr(Stdio::piped()))
            .expect("portclass starts");
        // It holds the test's end of what it was given.
        command.stdout(Stdio::null());
        Self::attached(child, interfaces)
    }

    /// The same of a process that was started with pipes.
    pub fn attached(mut child: Child, interfaces: usize) -> Self {
        let stdout = child.stdout.take();
        let mut stderr = BufReader::new(child.stderr.take().expect("a pipe"));
        let mut said = String::new();
        while said.matches("attached to ").count() < interfaces {
            let read = stderr.read_line(&mut said).expect("its stderr");
            assert!(read > 0, "it ended before it had attached: {said}");
        }
        Self {
            child,
            stdout,
            stderr,
            said,
        }
    }

    /// What it writes from now on.
    pub fn stdout(&mut self) -> ChildStdout {
        self.stdout.take().expect("it is taken once")
    }

    /// The next line that it says.
    pub fn next_line(&mut self) -> String {
        let mut line = String::new();
        self.stderr.read_line(&mut line).expect("its stderr");
        line
    }

    /// Its number.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn send(&self, signal: Signal) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, signal).expect("it is ours");
    }

    /// Waits for its end, and gives back its status and what it wrote.
    pub fn wait(mut self) -> (ExitStatus, String, String) {
        let mut out = String::new();
        if let Some(mut stdout) = self.stdout.take() {
            stdout.read_to_string(&mut out).expect("its stdout");
        }
        let mut err = String::new();
        self.stderr.read_to_string(&mut err).expect("its stderr");
        (self.child.wait().expect("its end"), out, err)
    }

    /// Interrupts it as Ctrl-C does, and reads its final report, which is one JSON document.
    pub fn interrupt(self) -> Value {
        self.send(Signal::INT);
        let (status, out, err) = self.wait();
        assert!(status.success(), "{err}");
        serde_json::from_str(&out).expect("one JSON document")
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        // A test that fails leaves no process behind.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Two namespaces with a veth pair between them; frames go from the client to the server.
pub struct Hosts {
    pub client: Netns,
    pub server: Netns,
}

impl Hosts {
    pub const CLIENT: &str = "client0";
    pub const SERVER: &str = "server0";

    pub fn new() -> Self {
        Self {
            client: Netns::new().expect("a network namespace"),
            server: Netns::new().expect("a network namespace"),
        }
    }

    pub fn veth(&self) -> Veth<'_> {
        Veth::new((&self.client, Self::CLIENT), (&self.server, Self::SERVER)).expect("a veth pair")
    }
}

/// What the kernel says of the XDP program on the server's interface; empty where there is none.
pub fn xdp_on(netns: &Netns, interface: &str) -> String {
    let shown = netns
        .ip(&format!("-details link show dev {interface}"))
        .expect("the interface");
    let is_about_xdp = |line: &&str| line.contains("xdp");
    shown
        .lines()
        .filter(is_about_xdp)
        .collect::<Vec<_>>()
        .join("\n")
}

/// Waits until `condition` holds.
pub fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(
            start.elapsed() < patience(),
            "{what}: not within {:?}",
            patience()
        );
        std::thread::sleep(Duration::from_millis(2));
    }
}
