//! A shell at a terminal of its own, watched as somebody who sits there sees it.

use std::{
    env, fs,
    path::PathBuf,
    process::{Command, Stdio},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use testbed::{netns::Netns, tool::is_there_or_skips};

use super::process::wait_until;

/// What the shell says when it waits for a command.
const PROMPT: &str = "your turn>";

/// Whether there is a terminal to be had; where there is none, `test` is skipped by name.
pub fn tmux_is_there_or_skips(test: &str) -> bool {
    is_there_or_skips("tmux", "tmux", test)
}

/// The only terminal of a tmux server of its own.
pub struct Pane {
    folder: TempDir,
    server: Pid,
    shell: Pid,
}

impl Pane {
    /// A shell inside `netns`, at a terminal of that size and in a folder that goes with it.
    pub fn new(netns: &Netns, (columns, rows): (u16, u16)) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let program = PathBuf::from(env!("CARGO_BIN_EXE_portclass"));
        let programs = program.parent().expect("the build folder").display();
        let path = env::var("PATH").unwrap_or_default();
        let mut command = tmux(&folder);
        command
            .current_dir(&folder)
            .env_clear()
            .env("PATH", format!("{programs}:{path}"))
            .env("LC_ALL", "C.UTF-8")
            .args(["-u", "-f", "/dev/null", "new-session", "-d"])
            .args(["-x", &columns.to_string(), "-y", &rows.to_string()])
            .arg("sh");
        let output = netns.output(&mut command).expect("tmux starts");
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let ask = |format| {
            let answer = ask(&folder, &["display-message", "-p", format]);
            let id = answer.trim().parse().expect("a number");
            Pid::from_raw(id).expect("a process")
        };
        let pane = Self {
            server: ask("#{pid}"),
            shell: ask("#{pane_pid}"),
            folder,
        };
        // Some shells take no prompt from the environment.
        pane.enter(&format!("PS1='{PROMPT} '"));
        pane.wait_for_prompt();
        pane
    }

    /// Waits until the shell waits for a command: what is typed before may be another program's.
    pub fn wait_for_prompt(&self) {
        // The shell's own prompt may stand in front of the first one.
        self.wait_until("a prompt", |screen| screen.trim_end().ends_with(PROMPT));
    }

    /// Types a line and the return key.
    pub fn enter(&self, line: &str) {
        self.types(line);
        self.press("Enter");
    }

    /// Types characters.
    pub fn types(&self, characters: &str) {
        ask(&self.folder, &["send-keys", "-l", "--", characters]);
    }

    /// Presses a key that has a name.
    pub fn press(&self, key: &str) {
        ask(&self.folder, &["send-keys", key]);
    }

    /// Gives the terminal another size.
    pub fn resize(&self, columns: u16, rows: u16) {
        let (columns, rows) = (columns.to_string(), rows.to_string());
        ask(
            &self.folder,
            &["resize-window", "-x", &columns, "-y", &rows],
        );
    }

    /// What is on the screen.
    pub fn screen(&self) -> String {
        ask(&self.folder, &["capture-pane", "-p"])
    }

    /// The same, with what makes it bold or coloured.
    pub fn styled_screen(&self) -> String {
        ask(&self.folder, &["capture-pane", "-p", "-e"])
    }

    /// Whether a program has the whole screen.
    pub fn is_taken(&self) -> bool {
        ask(&self.folder, &["display-message", "-p", "#{alternate_on}"]).trim() == "1"
    }

    /// Waits until `text` is on the screen.
    pub fn wait_for(&self, text: &str) {
        self.wait_until(text, |screen| screen.contains(text));
    }

    /// Waits until the screen is as it should be.
    pub fn wait_until(&self, what: &str, is_so: impl Fn(&str) -> bool) {
        let start = std::time::Instant::now();
        loop {
            let screen = self.screen();
            if is_so(&screen) {
                return;
            }
            assert!(
                start.elapsed() < super::process::patience(),
                "{what}: not on the screen:\n{screen}"
            );
        }
    }

    /// The process that the shell has started.
    pub fn child(&self) -> Pid {
        let shell = self.shell.as_raw_nonzero();
        let children = || {
            let path = format!("/proc/{shell}/task/{shell}/children");
            fs::read_to_string(path).unwrap_or_default()
        };
        wait_until("a child of the shell", || !children().trim().is_empty());
        let id = children().split_ascii_whitespace().next().map(str::parse);
        let id = id.expect("a child").expect("a number");
        Pid::from_raw(id).expect("a process")
    }

    /// The terminal's file.
    pub fn device(&self) -> String {
        let device = ask(&self.folder, &["display-message", "-p", "#{pane_tty}"]);
        device.trim().to_owned()
    }

    /// The terminal's title, which programs can set.
    pub fn title(&self) -> String {
        ask(&self.folder, &["display-message", "-p", "#{pane_title}"])
    }

    /// Has the terminal take nothing any more.
    pub fn stop(&self) {
        kill_process(self.server, Signal::STOP).expect("it is ours");
    }

    /// Has a stopped terminal go on.
    pub fn go_on(&self) {
        kill_process(self.server, Signal::CONT).expect("it is ours");
    }

    /// Takes the terminal away, as when a connection breaks.
    pub fn vanish(&self) {
        kill_process(self.server, Signal::KILL).expect("it is ours");
    }
}

impl Drop for Pane {
    fn drop(&mut self) {
        // A test that fails leaves no process behind.
        let _gone = kill_process(self.server, Signal::KILL);
    }
}

fn tmux(folder: &TempDir) -> Command {
    let mut command = Command::new("tmux");
    command.arg("-S").arg(folder.path().join("socket"));
    command.stdin(Stdio::null());
    command
}

fn ask(folder: &TempDir, arguments: &[&str]) -> String {
    let output = tmux(folder).args(arguments).output().expect("tmux starts");
    assert!(
        output.status.success(),
        "tmux {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("text")
}

/// Whether a thread of a process has been waiting for the terminal to take what it writes, ever since the last look.
pub fn is_held_up(process: Pid) -> bool {
    let write_to_stdout = format!("{} 0x1 ", libc::SYS_write);
    let calls = || {
        let tasks = format!("/proc/{}/task", process.as_raw_nonzero());
        let tasks = fs::read_dir(tasks).into_iter().flatten().flatten();
        let call = |task: fs::DirEntry| fs::read_to_string(task.path().join("syscall"));
        let mut calls: Vec<_> = tasks.filter_map(|task| call(task).ok()).collect();
        calls.retain(|call| call.starts_with(&write_to_stdout));
        calls
    };
    let before = calls();
    (0..50).all(|_| {
        std::thread::sleep(Duration::from_millis(2));
        !before.is_empty() && calls() == before
    })
}

/// Whether a process has gone for good.
pub fn is_gone(process: Pid) -> bool {
    let path = format!("/proc/{}/stat", process.as_raw_nonzero());
    let stat = fs::read_to_string(path).unwrap_or_default();
    // Dead, and perhaps not collected yet.
    stat.rsplit(')').next().is_none_or(|rest| {
        let state = rest.trim_start();
        state.is_empty() || state.starts_with(['Z', 'X'])
    })
}
