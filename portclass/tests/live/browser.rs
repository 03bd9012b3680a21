//! A browser without a screen, inside a network namespace, driven by WebDriver (W3C, Recommendation of 2018).

use std::{
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tempfile::TempDir;
use testbed::{netns::Netns, tool::is_there_or_skips};

use super::{
    http::{ask, connect, whole},
    process::{patience, wait_until},
};

/// The namespace is ours alone, so every port of it is free.
const PORT: u16 = 9_515;

/// Whether there is a browser; where there is none, `test` is skipped by name.
pub fn browser_is_there_or_skips(test: &str) -> bool {
    is_there_or_skips("chromedriver", "chromium-driver", test)
        && is_there_or_skips("chromium", "chromium", test)
}

/// A browser with one page.
pub struct Browser<'ns> {
    netns: &'ns Netns,
    driver: Child,
    session: String,
    /// Where driver and browser keep whatever they keep.
    _folder: TempDir,
}

impl<'ns> Browser<'ns> {
    pub fn start(netns: &'ns Netns) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut command = Command::new("chromedriver");
        command
            .arg(format!("--port={PORT}"))
            .env("HOME", folder.path())
            .env("TMPDIR", folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let driver = netns.spawn(&mut command).expect("chromedriver starts");
        let mut browser = Self {
            netns,
            driver,
            session: String::new(),
            _folder: folder,
        };
        wait_until("chromedriver listens", || connect(netns, PORT).is_ok());
        let options = json!({ "capabilities": { "alwaysMatch": {
            "goog:loggingPrefs": { "browser": "ALL", "performance": "ALL" },
            "goog:chromeOptions": { "args": [
                "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                "--window-size=1280,1000",
            ] },
        } } });
        let session = browser.command("POST /session", &options);
        browser.session = session["sessionId"].as_str().expect("a session").to_owned();
        browser
    }

    fn command(&self, request: &str, parameters: &Value) -> Value {
        let headers = "Host: localhost\r\nContent-Type: application/json\r\n";
        let answer = ask(self.netns, PORT, request, headers, &parameters.to_string());
        let answer = answer.json();
        assert!(answer["value"]["error"].is_null(), "{request}: {answer}");
        answer["value"].clone()
    }

    fn post(&self, path: &str, parameters: &Value) -> Value {
        let Self { session, .. } = self;
        self.command(&format!("POST /session/{session}/{path}"), parameters)
    }

    pub fn open(&self, url: &str) {
        self.post("url", &json!({ "url": url }));
    }

    /// What a script returns.
    pub fn run(&self, script: &str) -> Value {
        self.post("execute/sync", &json!({ "script": script, "args": [] }))
    }

    /// Waits until a script returns what it should, and gives it back.
    pub fn wait_for(&self, what: &str, script: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let start = Instant::now();
        loop {
            let value = self.run(script);
            if is_so(&value) {
                return value;
            }
            assert!(start.elapsed() < patience(), "{what}: {value}");
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Clicks what a CSS selector finds first, as a mouse does.
    pub fn click(&self, selector: &str) {
        let found = self.post(
            "element",
            &json!({ "using": "css selector", "value": selector }),
        );
        let id = found.as_object().and_then(|found| found.values().next());
        let id = id.and_then(Value::as_str).expect("an element");
        self.post(&format!("element/{id}/click"), &json!({}));
    }

    /// Types into what has the focus.
    pub fn types(&self, text: &str) {
        let press = |character: char| {
            let key = character.to_string();
            [
                json!({ "type": "keyDown", "value": key }),
                json!({ "type": "keyUp", "value": key }),
            ]
        };
        let actions: Vec<_> = text.chars().flat_map(press).collect();
        let keyboard = json!({ "type": "key", "id": "keyboard", "actions": actions });
        self.post("actions", &json!({ "actions": [keyboard] }));
    }

    /// What the browser has logged since it was asked: `browser` for the console, `performance` for the network.
    pub fn log(&self, kind: &str) -> Vec<Value> {
        let entries = self.post("se/log", &json!({ "type": kind }));
        entries.as_array().expect("entries").clone()
    }

    /// What the page looks like, as PNG in Base64.
    pub fn screenshot(&self) -> String {
        let Self { session, .. } = self;
        let shot = self.command(&format!("GET /session/{session}/screenshot"), &json!({}));
        shot.as_str().expect("a picture").to_owned()
    }
}

impl Drop for Browser<'_> {
    fn drop(&mut self) {
        // A driver that is killed leaves its browser behind, where a test fails, too.
        let end = format!(
            "DELETE /session/{} HTTP/1.1\r\nHost: localhost\r\n\r\n",
            self.session
        );
        let _ = whole(self.netns, PORT, end.as_bytes());
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
