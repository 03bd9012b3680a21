//! The terminal: taken for the screen, drawn on, and given back on every way out.

use std::{
    cell::RefCell,
    io::{self, Write},
    mem, panic,
    rc::Rc,
    sync::{
        Once,
        atomic::{AtomicBool, Ordering},
        mpsc::{self, Receiver, SyncSender},
    },
    thread,
    time::Duration,
};

use portclass::report::{Screen, Size};
use ratatui::{
    TerminalOptions, Viewport,
    backend::CrosstermBackend,
    crossterm::{
        cursor::{Hide, Show},
        execute,
        terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode},
    },
    layout::Rect,
};
use rustix::thread::CapabilitySet;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::super::{output::terminal_size, privilege::keep, stderr};

/// Whether the terminal is to be given back.
static IS_TAKEN: AtomicBool = AtomicBool::new(false);

/// A terminal that a screen is drawn on. A thread of its own writes: a terminal may stop reading, and nothing waits for it.
pub struct Terminal {
    drawn: ratatui::Terminal<CrosstermBackend<Sheet>>,
    sheet: Sheet,
    area: Rect,
    /// Taken when the last bytes are on their way.
    to_write: Option<SyncSender<Vec<u8>>>,
    results: UnboundedReceiver<io::Result<()>>,
    /// Tells when the thread has ended.
    end: Receiver<()>,
    is_busy: bool,
}

impl Terminal {
    /// Takes the terminal of stdin and stdout. From here on lines on stderr are held.
    pub fn enter() -> io::Result<Self> {
        let sheet = Sheet::default();
        let area = area();
        let viewport = Viewport::Fixed(area);
        let backend = CrosstermBackend::new(sheet.clone());
        let drawn = ratatui::Terminal::with_options(backend, TerminalOptions { viewport })?;
        let (to_write, results, end) = start_writing();
        give_back_at_panics();
        stderr::hold();
        if let Err(error) = enable_raw_mode() {
            stderr::release();
            return Err(error);
        }
        IS_TAKEN.store(true, Ordering::SeqCst);
        execute!(sheet.clone(), EnterAlternateScreen, Hide)?;
        let mut terminal = Self {
            drawn,
            sheet,
            area,
            to_write: Some(to_write),
            results,
            end,
            is_busy: false,
        };
        terminal.write();
        Ok(terminal)
    }

    /// Whether what was drawn before is still being written.
    pub fn is_busy(&self) -> bool {
        self.is_busy
    }

    /// Draws the screen, in the size that the terminal has now.
    pub fn draw(&mut self, screen: &mut Screen) -> io::Result<()> {
        let area = area();
        if mem::replace(&mut self.area, area) != area {
            self.drawn.resize(area)?;
        }
        self.drawn.draw(|frame| screen.draw(frame))?;
        self.write();
        Ok(())
    }

    /// Draws everything the next time, and not only what is new.
    pub fn forget(&mut self) {
        self.area = Rect::ZERO;
    }

    /// Waits until what was drawn is written; for ever when nothing was.
    pub async fn written(&mut self) -> io::Result<()> {
        if !self.is_busy {
            return std::future::pending().await;
        }
        let result = self.results.recv().await;
        self.is_busy = false;
        result.unwrap_or_else(|| Err(io::Error::other("the thread that writes has ended")))
    }

    /// Has the thread write what is on the sheet.
    fn write(&mut self) {
        let bytes = self.sheet.take();
        if let Some(to_write) = &self.to_write {
            self.is_busy = to_write.try_send(bytes).is_ok();
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        const PATIENCE: Duration = Duration::from_secs(1);
        if IS_TAKEN.swap(false, Ordering::SeqCst) {
            let _never_fails = execute!(self.sheet, LeaveAlternateScreen, Show);
            self.write();
            self.to_write = None;
            let _late = self.end.recv_timeout(PATIENCE);
            let _gone = disable_raw_mode();
        }
        stderr::release();
        stderr::flush();
    }
}

/// What is drawn, until it is written.
#[derive(Clone, Default)]
struct Sheet(Rc<RefCell<Vec<u8>>>);

impl Sheet {
    fn take(&self) -> Vec<u8> {
        self.0.take()
    }
}

impl Write for Sheet {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

type Writing = (
    SyncSender<Vec<u8>>,
    UnboundedReceiver<io::Result<()>>,
    Receiver<()>,
);

fn start_writing() -> Writing {
    // A piece at a time, and the last one, which waits for nobody.
    let (to_write, pieces) = mpsc::sync_channel::<Vec<u8>>(2);
    let (written, results) = unbounded_channel();
    let (ended, end) = mpsc::channel();
    thread::spawn(move || {
        let _tells_by_going: mpsc::Sender<()> = ended;
        // It writes, and no more than that.
        let _kept = keep(CapabilitySet::empty());
        for piece in pieces {
            let mut stdout = io::stdout().lock();
            let result = stdout.write_all(&piece).and_then(|()| stdout.flush());
            let _gone = written.send(result);
        }
    });
    (to_write, results, end)
}

/// Has a panic give the terminal back before it says what has happened.
fn give_back_at_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let says = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            if IS_TAKEN.swap(false, Ordering::SeqCst) {
                let mut bytes = Vec::new();
                let _never_fails = execute!(bytes, LeaveAlternateScreen, Show);
                // Not by way of io::stdout: a thread that waits for the terminal may hold it.
                let _gone = rustix::io::write(rustix::stdio::stdout(), &bytes);
                let _gone = disable_raw_mode();
            }
            says(panic);
        }));
    });
}

/// The terminal's cells. Some say nothing of their size, and are what terminals always were.
fn area() -> Rect {
    let unknown = Size {
        columns: 80,
        rows: 24,
    };
    let size = terminal_size().unwrap_or(unknown);
    Rect::new(0, 0, size.columns, size.rows)
}

#[cfg(test)]
mod tests {
    use std::{
        env,
        fs::File,
        io::Read as _,
        os::fd::{FromRawFd as _, OwnedFd},
        process::Command,
    };

    use rustix::termios::tcgetattr;

    use super::Terminal;

    #[test]
    #[ignore = "panics on purpose; the test below runs it at a terminal of its own"]
    fn panics_while_it_has_the_terminal() {
        let mut terminal = Terminal::enter().expect("a terminal");
        let written = terminal.results.blocking_recv();
        assert!(written.is_some_and(|written| written.is_ok()));
        panic!("as if by mistake");
    }

    /// Both sides of a new pseudoterminal.
    fn pseudoterminal() -> (File, File) {
        let (mut master, mut terminal) = (-1, -1);
        let null = std::ptr::null_mut();
        // SAFETY: the descriptors are written to variables of ours, and nothing else is asked for.
        let opened =
            unsafe { libc::openpty(&mut master, &mut terminal, null, null.cast(), null.cast()) };
        assert_eq!(opened, 0, "a terminal");
        // SAFETY: the kernel has just handed both descriptors over.
        [master, terminal]
            .map(|fd| unsafe { OwnedFd::from_raw_fd(fd) }.into())
            .into()
    }

    #[test]
    fn a_panic_gives_the_terminal_back_and_then_says_why() {
        let (mut master, terminal) = pseudoterminal();
        let modes = || {
            let modes = tcgetattr(&terminal).expect("a terminal");
            (modes.input_modes, modes.output_modes, modes.local_modes)
        };
        let before = modes();
        let name = "command::top::terminal::tests::panics_while_it_has_the_terminal";
        let stream = || terminal.try_clone().expect("a copy");
        let status = Command::new(env::current_exe().expect("this test"))
            .args([name, "--exact", "--ignored", "--nocapture"])
            .stdin(stream())
            .stdout(stream())
            .stderr(stream())
            .status()
            .expect("it starts");
        assert!(!status.success());
        assert_eq!(modes(), before);
        drop(terminal);
        let mut written = Vec::new();
        // Reading ends with an error: nobody has the other side open any more.
        let _hung_up = master.read_to_end(&mut written);
        let written = String::from_utf8(written).expect("text");
        let after = written
            .split_once("\u{1b}[?1049h")
            .map_or("", |(_, after)| after);
        let (_, after) = after.split_once("\u{1b}[?1049l").unwrap_or_default();
        assert!(after.contains("as if by mistake"), "{written:?}");
        assert!(
            !after.contains("\u{1b}[?1049l"),
            "given back twice: {written:?}"
        );
    }
}
