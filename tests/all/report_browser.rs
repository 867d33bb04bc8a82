//! The report, opened in a real browser: on a phone, on a desk, in the dark, printed, and with the keyboard alone.

use std::path::{Path, PathBuf};

use crate::util::Sandbox;
use crate::util::axe::{axe, violations};
use crate::util::browser::{Browser, OVERFLOW};
use crate::util::data::{ml100k, quoted};
use serde_json::{Value, json};

/// Everything is drawn: each chart has an image in it, the map its buttons too.
const DRAWN: &str = "document.readyState === 'complete' && document.querySelector('.modebar-btn[tabindex]') && \
                     [...document.querySelectorAll('.chart')].every((chart) => chart.querySelector('svg'))";

/// Visible boxes that stick out of the page to the right, those that scroll in a box of their own left out.
const STICKING_OUT: &str = "[...document.querySelectorAll('body *')].filter((e) => !e.closest('.scroll, svg, .unseen') && \
                            e.getBoundingClientRect().right > innerWidth + 0.5).map((e) => e.outerHTML.slice(0, 80))";

const FOCUSABLE: &str = "[...document.querySelectorAll('a[href], button, summary, input, select, [tabindex]')]\
                         .filter((e) => e.tabIndex >= 0 && e.checkVisibility())";

// ---- what is opened ------------------------------------------------------------------------------------------

const MADE_UP: &str = "
[input.generate]
users = 600
items = 120
ratings_per_user = 15
segments = 4
[pca]
components = 6
[kmeans]
clusters = 6
n_init = 2
[sweep]
clusters = [2, 4, 6, 8]
";

/// A run of the real binary: its report.
fn report(sandbox: &Sandbox, job: &str) -> PathBuf {
    sandbox.run(job, &["-q"]).succeeded();
    sandbox.path("out/report.html")
}

fn on_movielens(folder: &Path) -> String {
    let (ratings, titles) = (quoted(&folder.join("u.data")), quoted(&folder.join("u.item")));
    format!(
        "[input]\nratings = [{ratings}]\n[input.items]\npath = {titles}\ndelimiter = '|'\nencoding = 'latin1'\n\
         [kmeans]\nn_init = 2\n[sweep]\nclusters = [5, 25, 50]\nspaces = ['projected']\n"
    )
}

/// Long names without a place to break, more segments than colours, warnings.
fn unwieldy(sandbox: &Sandbox) -> String {
    let ratings = (0..900u32).map(|i| format!("user-{},{},{}\n", i % 180, (i * i + i / 7) % 40, 1 + i % 5));
    let titles = (0..39u32).map(|i| format!("{i},{}{i}\n", "Antidisestablishmentarianism_".repeat(6)));
    sandbox.write("ratings.csv", ratings.collect::<String>());
    sandbox.write("titles.csv", titles.collect::<String>());
    "[input]\nratings = ['ratings.csv']\nduplicates = 'last'\nheader = false\n[input.items]\npath = 'titles.csv'\n\
     header = false\n[kmeans]\nclusters = 40\nn_init = 1\nmax_iter = 1\n[sweep]\nclusters = [2, 3]\n"
        .into()
}

/// The month after another, with a long name in it.
fn compared(sandbox: &Sandbox) -> String {
    let month = |month: u32| {
        let items = format!("segments = 5\nborn = 1\nmovers = 0.4\nmonth = {month}\n");
        format!(
            "{}[matrix]\nnormalize = 'l2'\n[evidence]\nenabled = false\n",
            MADE_UP.replace("segments = 4\n", &items)
        )
    };
    sandbox.run_to("before", &month(0), &["-q"]).succeeded();
    let model = sandbox.path("before/model/model.json");
    let named = std::fs::read_to_string(&model).expect("model.json");
    let name = "Antidisestablishmentarianism_".repeat(4);
    std::fs::write(&model, named.replacen("\"name\": \"0\"", &format!("\"name\": \"{name}\""), 1)).expect("model.json");
    format!("{}[compare]\nprevious = 'before'\n", month(1))
}

// ---- what must hold ------------------------------------------------------------------------------------------

/// At every width, in every scheme: no sideways scrolling, no complaint, nothing asked of anybody, nothing for axe to say.
#[track_caller]
fn assert_comfortable(browser: &mut Browser, file: &Path, what: &str) {
    let Some(axe) = axe() else { return };
    for (width, scheme) in [(390, "light"), (390, "dark"), (1280, "light"), (1280, "dark"), (2560, "light")] {
        let what = format!("{what}, {width} px, {scheme}");
        browser.look(width, scheme, "screen");
        browser.open_file(file, DRAWN);
        let nothing: [&str; 0] = [];
        assert_eq!(browser.complaints(), nothing, "{what}");
        assert_eq!(browser.requests().len(), 1, "{what} asks for more than itself: {:?}", browser.requests());
        for opened in [false, true] {
            browser.evaluate(&format!("document.querySelectorAll('details').forEach((d) => d.open = {opened})"));
            assert_eq!(browser.evaluate(OVERFLOW), 0, "{what} scrolls sideways");
            assert_eq!(browser.evaluate(STICKING_OUT), Value::Array(Vec::new()), "{what}");
            assert_eq!(violations(browser, axe), nothing, "{what}, tables open: {opened}");
        }
    }
}

#[test]
fn a_report_is_comfortable_at_any_width_in_light_and_dark() {
    let Some(mut browser) = Browser::start() else { return };
    let sandbox = Sandbox::new();
    assert_comfortable(&mut browser, &report(&sandbox, MADE_UP), "made up");
}

#[test]
fn an_unwieldy_report_is_comfortable() {
    let Some(mut browser) = Browser::start() else { return };
    let sandbox = Sandbox::new();
    let job = unwieldy(&sandbox);
    assert_comfortable(&mut browser, &report(&sandbox, &job), "unwieldy");
}

#[test]
fn a_report_on_an_earlier_run_is_comfortable() {
    let Some(mut browser) = Browser::start() else { return };
    let sandbox = Sandbox::new();
    let job = compared(&sandbox);
    assert_comfortable(&mut browser, &report(&sandbox, &job), "compared with an earlier run");
}

#[test]
fn the_report_on_movielens_is_comfortable() {
    let Some(folder) = ml100k() else { return };
    let Some(mut browser) = Browser::start() else { return };
    let sandbox = Sandbox::new();
    assert_comfortable(&mut browser, &report(&sandbox, &on_movielens(&folder)), "MovieLens 100K");
}

/// The Tab key goes to everything that can be used, in the order of the page, and shows where it is; Enter uses it.
#[test]
fn everything_in_a_report_can_be_reached_and_used_with_the_keyboard() {
    let Some(mut browser) = Browser::start() else { return };
    let sandbox = Sandbox::new();
    let file = report(&sandbox, MADE_UP);
    browser.look(1280, "light", "screen");
    browser.open_file(&file, DRAWN);
    browser.evaluate("document.querySelectorAll('details').forEach((d) => d.open = true)");
    let all = browser.evaluate(&format!("(window.all = {FOCUSABLE}).length")).as_u64().expect("a count");
    assert!(all > 20, "{all}");
    let mut reached = Vec::new();
    for _ in 0..all {
        browser.press("Tab", 9);
        let at = browser.evaluate("window.all.indexOf(document.activeElement)").as_i64().expect("an index");
        reached.push(at);
        let outline = browser.evaluate(
            "(() => { const style = getComputedStyle(document.activeElement); \
             return style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2; })()",
        );
        assert_eq!(outline, true, "{} does not show", browser.evaluate("document.activeElement.outerHTML"));
    }
    assert_eq!(reached, (0..all as i64).collect::<Vec<_>>());

    let pressed = "document.querySelector('[data-segment=\"2\"]').getAttribute('aria-pressed')";
    browser.evaluate("document.querySelector('[data-segment=\"2\"]').focus()");
    browser.press("Enter", 13);
    assert_eq!(browser.evaluate(pressed), "false", "Enter hides a segment");
    let range = "document.getElementById('chart-map')._fullLayout.xaxis.range.join()";
    let before = browser.evaluate(range);
    browser.evaluate("document.querySelector('.modebar-btn[data-title=\"Zoom in\"]').focus()");
    browser.press("Enter", 13);
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while browser.evaluate(range) == before {
        assert!(std::time::Instant::now() < deadline, "Enter does not zoom");
    }
    browser.evaluate("document.querySelector('summary').focus()");
    browser.press("Enter", 13);
    assert_eq!(browser.evaluate("document.querySelector('details').open"), false, "Enter closes a table");
}

#[test]
fn on_a_phone_there_is_room_for_fingers() {
    let Some(mut browser) = Browser::start() else { return };
    let sandbox = Sandbox::new();
    let file = report(&sandbox, MADE_UP);
    browser.look(390, "light", "screen");
    browser.open_file(&file, DRAWN);
    let small = browser.evaluate(
        "[...document.querySelectorAll('nav a, .chips button, summary, td a, th a')].filter((e) => { \
         const box = e.getBoundingClientRect(); return box.height < 40 || box.width < 24; }).map((e) => e.outerHTML)",
    );
    assert_eq!(small, Value::Array(Vec::new()));
    let charts = browser.evaluate(
        "[...document.querySelectorAll('.chart')].every((chart) => { const box = chart.getBoundingClientRect(); \
         return box.width > 250 && box.height > 200 && chart.querySelector('svg').getBoundingClientRect().width <= box.width + 1; })",
    );
    assert_eq!(charts, true, "charts fit their boxes");
}

/// On paper: black on white whatever the screen is, charts as wide as the sheet, no card cut, no buttons.
#[test]
fn a_report_prints_on_white_with_whole_cards() {
    let Some(mut browser) = Browser::start() else { return };
    let sandbox = Sandbox::new();
    let file = report(&sandbox, MADE_UP);
    browser.look(1280, "dark", "screen");
    browser.open_file(&file, DRAWN);
    browser.look(1280, "dark", "print");
    browser.evaluate("dispatchEvent(new Event('beforeprint'))");
    let style = |browser: &mut Browser, selector: &str, property: &str| {
        browser.evaluate(&format!("getComputedStyle(document.querySelector('{selector}')).{property}"))
    };
    assert_eq!(style(&mut browser, "body", "backgroundColor"), "rgba(0, 0, 0, 0)");
    assert_eq!(style(&mut browser, ".card", "backgroundColor"), "rgb(255, 255, 255)");
    assert_eq!(style(&mut browser, "body", "color"), "rgb(27, 34, 48)");
    assert_eq!(style(&mut browser, ".card", "breakInside"), "avoid");
    assert_eq!(style(&mut browser, "figure", "breakInside"), "avoid");
    for gone in ["nav", ".chips button", ".modebar-container", "details.data"] {
        assert_eq!(style(&mut browser, gone, "display"), "none", "{gone}");
    }
    let narrow =
        "[...document.querySelectorAll('.chart svg.main-svg')].every((svg) => svg.getBoundingClientRect().width < 700)";
    assert_eq!(browser.evaluate(narrow), true, "a sheet is 182 mm wide");
    browser.evaluate("dispatchEvent(new Event('afterprint'))");
    browser.look(1280, "dark", "screen");
    let pdf = browser.call("Page.printToPDF", json!({ "printBackground": true }));
    assert!(pdf["data"].as_str().expect("a document").len() > 50_000, "the charts are in it");
}

#[test]
fn motion_is_reduced_where_it_is_asked_for() {
    let Some(mut browser) = Browser::start() else { return };
    let sandbox = Sandbox::new();
    let file = report(&sandbox, MADE_UP);
    browser.look(1280, "light", "screen");
    browser.open_file(&file, DRAWN);
    assert_eq!(browser.evaluate("getComputedStyle(document.documentElement).scrollBehavior"), "auto");
    let moving = "document.getAnimations().filter((a) => a.effect.getComputedTiming().duration > 1).length";
    assert_eq!(browser.evaluate(moving), 0);
}
