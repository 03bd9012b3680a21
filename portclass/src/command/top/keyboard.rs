//! The keys of a terminal, read by a thread of its own.

use std::thread;

use portclass::report::Key;
use ratatui::crossterm::event::{
    self, Event as Terminals, KeyCode, KeyEvent, KeyEventKind, KeyModifiers,
};
use rustix::thread::CapabilitySet;
use tokio::sync::mpsc::{Receiver, channel};

use super::super::privilege::keep;

/// What comes from a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    Key(Key),
    /// Something else has written on it.
    Redraw,
    Resized,
}

/// The thread that reads keys.
pub struct Keyboard(Receiver<Event>);

impl Keyboard {
    pub fn start() -> Self {
        const AHEAD: usize = 64;
        let (send, events) = channel(AHEAD);
        thread::spawn(move || {
            // It reads, and no more than that.
            let _kept = keep(CapabilitySet::empty());
            while let Ok(event) = event::read() {
                if let Some(event) = known(&event)
                    && send.blocking_send(event).is_err()
                {
                    return;
                }
            }
        });
        Self(events)
    }

    /// Waits for the next event; `None` when nobody reads any more.
    pub async fn next(&mut self) -> Option<Event> {
        self.0.recv().await
    }
}

fn known(event: &Terminals) -> Option<Event> {
    match event {
        Terminals::Resize(..) => Some(Event::Resized),
        Terminals::Key(key) if key.kind != KeyEventKind::Release => of_key(*key),
        _ => None,
    }
}

fn of_key(key: KeyEvent) -> Option<Event> {
    if key.modifiers.contains(KeyModifiers::CONTROL) {
        return match key.code {
            KeyCode::Char('c') => Some(Event::Key(Key::Quit)),
            KeyCode::Char('l') => Some(Event::Redraw),
            _ => None,
        };
    }
    let key = match key.code {
        KeyCode::Up => Key::Up,
        KeyCode::Down => Key::Down,
        KeyCode::PageUp => Key::PageUp,
        KeyCode::PageDown => Key::PageDown,
        KeyCode::Home => Key::Home,
        KeyCode::End => Key::End,
        KeyCode::Enter => Key::Enter,
        KeyCode::Esc => Key::Escape,
        KeyCode::Backspace => Key::Backspace,
        KeyCode::Char(character) => Key::Char(character),
        _ => return None,
    };
    Some(Event::Key(key))
}
