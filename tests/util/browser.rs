//! A headless Chromium, spoken to in its DevTools protocol over two pipes: JSON messages, each ended by a NUL.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

/// Whatever the browser is asked is answered by then, or never.
const PATIENCE: Duration = Duration::from_secs(120);

/// By how many pixels a page is wider than its window (JavaScript).
pub const OVERFLOW: &str = "document.scrollingElement.scrollWidth - innerWidth";

const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/// No network, no first-run pages, no sandbox (which root cannot have).
const FLAGS: [&str; 14] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--disable-extensions",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
    "about:blank",
];

/// A running browser with one page; gone with the value.
pub struct Browser {
    child: Child,
    to: File,
    from: Receiver<Value>,
    /// What the browser told unasked, since the page was opened.
    told: Vec<Value>,
    session: Value,
    last_id: u64,
    _folder: TempDir,
}

/// Waits for answers on a thread of its own, so that a browser that hangs is noticed.
fn listen(from: File) -> Receiver<Value> {
    let (send, receive) = channel();
    std::thread::spawn(move || {
        let mut from = BufReader::new(from);
        let mut message = Vec::new();
        while matches!(from.read_until(0, &mut message), Ok(read) if read > 0) {
            message.pop();
            let sent = serde_json::from_slice(&message).is_ok_and(|value| send.send(value).is_ok());
            message.clear();
            if !sent {
                return;
            }
        }
    });
    receive
}

/// The first browser that is installed. Without one a test is skipped on a desk, and fails in CI.
fn program() -> Option<&'static str> {
    let starts = |name: &&&str| {
        let asked = Command::new(name).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        asked.is_ok_and(|status| status.success())
    };
    let found = NAMES.iter().find(starts).copied();
    if found.is_none() {
        let missing = "no chromium is installed (apt-get install chromium)";
        assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "{missing}");
        eprintln!("skipped: {missing}");
    }
    found
}

impl Browser {
    /// Starts one, if there is one.
    pub fn start() -> Option<Browser> {
        let program = program()?;
        let folder = tempfile::tempdir().expect("a temporary folder");
        let pipes = ["in", "out"].map(|name| folder.path().join(name));
        assert!(Command::new("mkfifo").args(&pipes).status().is_ok_and(|status| status.success()), "mkfifo");
        // The browser reads file descriptor 3 and writes 4. A pipe opens when both ends do: the shell's order is ours.
        let child = Command::new("sh")
            .args(["-c", "exec 3<\"$1\" 4>\"$2\"; shift 2; exec \"$@\"", "sh"])
            .args(&pipes)
            .arg(program)
            .args(FLAGS)
            .arg(format!("--user-data-dir={}", folder.path().join("profile").display()))
            .env("HOME", folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("a shell");
        let to = OpenOptions::new().write(true).open(&pipes[0]).expect("a pipe to the browser");
        let from = listen(File::open(&pipes[1]).expect("a pipe from the browser"));
        let (told, session) = (Vec::new(), Value::Null);
        let mut browser = Browser { child, to, from, told, session, last_id: 0, _folder: folder };
        let target = browser.call("Target.createTarget", json!({ "url": "about:blank" }))["targetId"].clone();
        let attached = browser.call("Target.attachToTarget", json!({ "targetId": target, "flatten": true }));
        browser.session = attached["sessionId"].clone();
        for domain in ["Page", "Network", "Runtime", "Log"] {
            browser.call(&format!("{domain}.enable"), json!({}));
        }
        Some(browser)
    }

    /// Asks, and waits for the answer.
    #[track_caller]
    pub fn call(&mut self, method: &str, parameters: Value) -> Value {
        self.last_id += 1;
        let mut message = json!({ "id": self.last_id, "method": method, "params": parameters });
        if !self.session.is_null() {
            message["sessionId"] = self.session.clone();
        }
        self.to.write_all(format!("{message}\0").as_bytes()).expect("the browser listens");
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let answer = self.from.recv_timeout(left).unwrap_or_else(|e| panic!("no answer to {method}: {e}"));
            if answer["id"] == self.last_id {
                assert!(answer["error"].is_null(), "{method}: {}", answer["error"]);
                return answer["result"].clone();
            }
            self.told.push(answer);
        }
    }

    /// The next pages are as wide, in this scheme (`light` or `dark`), for this medium (`screen` or `print`).
    pub fn look(&mut self, width: u32, scheme: &str, medium: &str) {
        let phone = width < 600;
        let size = json!({ "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": phone });
        self.call("Emulation.setDeviceMetricsOverride", size);
        self.call("Emulation.setTouchEmulationEnabled", json!({ "enabled": phone }));
        let features = json!([
            { "name": "prefers-color-scheme", "value": scheme },
            { "name": "prefers-reduced-motion", "value": "reduce" },
        ]);
        self.call("Emulation.setEmulatedMedia", json!({ "media": medium, "features": features }));
    }

    /// Opens a page and waits until `ready` (JavaScript) holds.
    pub fn open(&mut self, address: &str, ready: &str) {
        self.told.clear();
        self.call("Page.navigate", json!({ "url": address }));
        let deadline = Instant::now() + PATIENCE;
        while self.evaluate(&format!("location.href !== 'about:blank' && Boolean({ready})")) != true {
            assert!(Instant::now() < deadline, "{address} is never ready: {:?}", self.told);
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    pub fn open_file(&mut self, file: &Path, ready: &str) {
        self.open(&format!("file://{}", file.display()), ready);
    }

    /// The value of an expression (or of the promise that it is).
    #[track_caller]
    pub fn evaluate(&mut self, expression: &str) -> Value {
        let asked = json!({ "expression": expression, "awaitPromise": true, "returnByValue": true });
        let answer = self.call("Runtime.evaluate", asked);
        assert!(answer["exceptionDetails"].is_null(), "{}", answer["exceptionDetails"]);
        answer["result"]["value"].clone()
    }

    /// Presses a key.
    pub fn press(&mut self, key: &str, code: u32) {
        for kind in ["keyDown", "keyUp"] {
            let text = if key == "Enter" { "\r" } else { "" };
            let event = json!({ "type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code, "text": text });
            self.call("Input.dispatchKeyEvent", event);
        }
    }

    /// Moves the pointer to a place of the window.
    pub fn point(&mut self, x: f64, y: f64) {
        self.call("Input.dispatchMouseEvent", json!({ "type": "mouseMoved", "x": x, "y": y }));
    }

    /// What the page asked for over the network, data in the page itself left out.
    pub fn requests(&self) -> Vec<String> {
        let asked = self.told.iter().filter(|event| event["method"] == "Network.requestWillBeSent");
        let addresses = asked.filter_map(|event| event["params"]["request"]["url"].as_str());
        addresses.filter(|url| !url.starts_with("data:") && !url.starts_with("blob:")).map(String::from).collect()
    }

    /// What went wrong in the page, by its console.
    pub fn complaints(&self) -> Vec<String> {
        let methods = ["Runtime.exceptionThrown", "Log.entryAdded", "Runtime.consoleAPICalled"];
        let complaints = self.told.iter().filter(|event| methods.iter().any(|method| event["method"] == *method));
        complaints.map(|event| event["params"].to_string()).collect()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
