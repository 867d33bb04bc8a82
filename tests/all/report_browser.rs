//! The report, opened in a real browser: on a phone, on a desk, in the dark, printed, without its script, and with the
//! keyboard alone.

use std::path::{Path, PathBuf};

use crate::util::Sandbox;
use crate::util::axe::{axe, violations};
use crate::util::browser::{Browser, OVERFLOW};
use crate::util::data::{ml100k, quoted};
use serde_json::{Value, json};

/// Everything is drawn, and the script has run.
const DRAWN: &str = "document.readyState === 'complete' && document.querySelector('.chart[tabindex] svg') && \
                     !document.querySelector('.find').hidden";

/// Visible boxes that stick out of the page to the right, those that scroll in a box of their own left out.
const STICKING_OUT: &str = "[...document.querySelectorAll('body *')].filter((e) => !e.closest('.scroll, svg, .unseen') && \
                            e.getBoundingClientRect().right > innerWidth + 0.5).map((e) => e.outerHTML.slice(0, 80))";

/// Texts of charts that can be seen and stick out of the page, or cover another text of the same chart.
const CROWDED: &str = "[...document.querySelectorAll('.chart')].flatMap((chart) => { \
    const seen = [...chart.querySelectorAll('text')].map((text) => [text.textContent.trim(), text.getBoundingClientRect()]) \
        .filter(([, box]) => box.width > 0); \
    const cover = (a, b) => a.left + 1 < b.right && b.left + 1 < a.right && a.top + 2 < b.bottom && b.top + 2 < a.bottom; \
    return seen.filter(([, box], i) => box.left < 0 || box.right > innerWidth || seen.slice(0, i).some(([, other]) => cover(box, other))) \
        .map(([text]) => `${chart.id}: ${text}`); })";

/// The smallest text of a chart, in pixels as they are drawn.
const SMALLEST: &str = "Math.min(...[...document.querySelectorAll('.chart text')].filter((text) => text.getBoundingClientRect().width) \
                        .map((text) => parseFloat(getComputedStyle(text).fontSize)))";

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
        assert_eq!(browser.evaluate(CROWDED), Value::Array(Vec::new()), "{what}: texts of charts");
        assert!(browser.evaluate(SMALLEST).as_f64().is_some_and(|size| size >= 11.5), "{what}: small texts in charts");
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

    let pressed = "document.querySelector('.chips [data-of=\"2\"]').getAttribute('aria-pressed')";
    browser.evaluate("document.querySelector('.chips [data-of=\"2\"]').focus()");
    browser.press("Enter", 13);
    assert_eq!(browser.evaluate(pressed), "false", "Enter hides a segment");
    let hidden = "[...document.querySelectorAll('#chart-map [data-segment=\"2\"], #chart-map [data-of=\"2\"]')] \
                  .filter((part) => part.getBoundingClientRect().width).length";
    assert_eq!(browser.evaluate(hidden), 0, "neither its users nor its number");
    let ticks = "[...document.querySelectorAll('#chart-map text.x')].map((tick) => tick.textContent.trim()).join()";
    let width = "document.querySelector('#chart-map .view').getBoundingClientRect().width";
    let before = (browser.evaluate(ticks), browser.evaluate(width).as_f64().expect("a width"));
    browser.evaluate("document.querySelector('[data-zoom=\"in\"]').focus()");
    browser.press("Enter", 13);
    let after = (browser.evaluate(ticks), browser.evaluate(width).as_f64().expect("a width"));
    assert!(after.0 != before.0 && after.1 > 1.5 * before.1, "Enter does not zoom: {before:?} {after:?}");
    browser.evaluate("document.querySelector('[data-zoom=\"all\"]').focus()");
    browser.press("Enter", 13);
    let whole = (browser.evaluate(ticks), browser.evaluate(width).as_f64().expect("a width"));
    assert_eq!(whole, before, "the axes of the script are those that were drawn");
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
        "[...document.querySelectorAll('nav a, .chips button, .tools button, .copy, summary, td a, th a, .find input')].filter((e) => { \
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
    let style = |browser: &mut Browser, selector: &str, property: &str| {
        browser.evaluate(&format!("getComputedStyle(document.querySelector('{selector}')).{property}"))
    };
    assert_eq!(style(&mut browser, "body", "backgroundColor"), "rgba(0, 0, 0, 0)");
    assert_eq!(style(&mut browser, ".card", "backgroundColor"), "rgb(255, 255, 255)");
    assert_eq!(style(&mut browser, "body", "color"), "rgb(27, 34, 48)");
    assert_eq!(style(&mut browser, ".card", "breakInside"), "avoid");
    assert_eq!(style(&mut browser, "figure", "breakInside"), "avoid");
    for gone in ["nav", ".chips button", ".tools", ".copy", ".find", "details.data"] {
        assert_eq!(style(&mut browser, gone, "display"), "none", "{gone}");
    }
    // A sheet of A4 between its margins.
    browser.call(
        "Emulation.setDeviceMetricsOverride",
        json!({ "width": 718, "height": 1047, "deviceScaleFactor": 1, "mobile": false }),
    );
    assert_eq!(browser.evaluate(OVERFLOW), 0, "the sheet is too narrow");
    assert_eq!(browser.evaluate(CROWDED), Value::Array(Vec::new()), "texts of charts on paper");
    let cut = "[...document.querySelectorAll('figure, .card, .scroll')].filter((e) => e.checkVisibility()) \
               .filter((e) => e.getBoundingClientRect().height > 1047 || e.scrollWidth > e.clientWidth + 1).length";
    assert_eq!(browser.evaluate(cut), 0, "a chart or a card is larger than a sheet");
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

// ---- what moves ----------------------------------------------------------------------------------------------

/// Opens the report of a job on a desk.
fn opened(browser: &mut Browser, sandbox: &Sandbox, job: &str) {
    let file = report(sandbox, job);
    browser.look(1280, "light", "screen");
    browser.open_file(&file, DRAWN);
}

/// What the box beside the pointer or the mark says; nothing where it is not shown.
fn told(browser: &mut Browser) -> String {
    let tip = "(() => { const tip = document.querySelector('.tip'); return tip.hidden ? '' : tip.textContent; })()";
    browser.evaluate(tip).as_str().expect("a text").to_string()
}

fn aloud(browser: &mut Browser) -> String {
    browser.evaluate("document.querySelector('#said').textContent").as_str().expect("a text").to_string()
}

/// Moves the pointer onto the middle of what this expression names.
fn hover(browser: &mut Browser, element: &str) {
    let place = format!(
        "(() => {{ const e = {element}; e.scrollIntoView({{ block: 'center' }}); const box = e.getBoundingClientRect(); \
         return [box.left + box.width / 2, box.top + box.height / 2]; }})()"
    );
    let place = browser.evaluate(&place);
    browser.point(place[0].as_f64().expect("a number"), place[1].as_f64().expect("a number"));
}

/// Each chart says the numbers under the pointer, and says nothing where there is none; Escape hides them.
#[test]
fn a_chart_says_what_is_under_the_pointer() {
    let Some(mut browser) = Browser::start() else { return };
    let sandbox = Sandbox::new();
    let job = compared(&sandbox).replace("[evidence]\nenabled = false\n", "");
    opened(&mut browser, &sandbox, &job);
    for (chart, says) in [
        ("chart-flows", " → "),
        ("chart-bits", "bits per hidden rating"),
        ("chart-stability", "adjusted Rand index"),
        ("chart-inertia", "of the first"),
        ("chart-map", "\nuser "),
        ("chart-variance", "of the variance"),
    ] {
        hover(&mut browser, &format!("document.querySelector('#{chart} .series > *')"));
        let told = told(&mut browser);
        assert!(told.contains(says), "{chart}: {told:?}");
    }
    let cell = "document.querySelector('#chart-out-of-fold .cells')";
    hover(&mut browser, cell);
    let middle = told(&mut browser);
    assert!(middle.starts_with("Segment 3, predicted 3\n") && middle.contains("% of the segment"), "{middle:?}");
    let own = "document.querySelector('#chart-out-of-fold .cells').dataset.rows.split(';')[3].match(/[:,]3 (\\d+)/)[1]";
    let own = browser.evaluate(own);
    assert!(middle.contains(&format!("\n{} user", own.as_str().expect("a number"))), "{middle:?} but {own}");
    browser.press("Escape", 27);
    assert_eq!(told(&mut browser), "");
    hover(&mut browser, cell);
    assert_eq!(told(&mut browser), middle);
    hover(&mut browser, "document.querySelector('h1')");
    assert_eq!(told(&mut browser), "");
    let nothing: [&str; 0] = [];
    assert_eq!(browser.complaints(), nothing);
}

/// Arrow keys go to every mark of a chart, and each is said aloud.
#[test]
fn arrow_keys_go_from_mark_to_mark() {
    let Some(mut browser) = Browser::start() else { return };
    let sandbox = Sandbox::new();
    opened(&mut browser, &sandbox, MADE_UP);
    let focus = |browser: &mut Browser, chart: &str| {
        browser.evaluate(&format!("document.getElementById('{chart}').focus()"));
    };
    focus(&mut browser, "chart-inertia");
    let mut heard = Vec::new();
    for key in [
        ("ArrowRight", 39),
        ("ArrowRight", 39),
        ("End", 35),
        ("ArrowDown", 40),
        ("ArrowLeft", 37),
        ("Home", 36),
        ("ArrowUp", 38),
    ] {
        browser.press(key.0, key.1);
        let words = aloud(&mut browser);
        assert_eq!(words, told(&mut browser).replace('\n', ", "));
        heard.push(words.split(',').take(2).collect::<Vec<_>>().join(","));
    }
    let space = |words: &str, n: usize, space: &str| words.starts_with(&format!("{n} segments, {space} space"));
    for ((words, n), of) in heard.iter().zip([2, 4, 8, 8, 6, 2, 2]).zip([
        "projected",
        "projected",
        "projected",
        "full",
        "full",
        "full",
        "projected",
    ]) {
        assert!(space(words, n, of), "{heard:?}");
    }
    focus(&mut browser, "chart-in-sample");
    for key in [("ArrowRight", 39), ("ArrowDown", 40), ("ArrowRight", 39)] {
        browser.press(key.0, key.1);
    }
    assert!(aloud(&mut browser).starts_with("Segment 1, predicted 1, "), "{}", aloud(&mut browser));
    browser.press("Escape", 27);
    assert_eq!(told(&mut browser), "");
    // All users of the map, a segment at a time.
    focus(&mut browser, "chart-map");
    let sizes = browser.evaluate("[...document.querySelectorAll('#chart-map .series')].map((s) => s.children.length)");
    let sizes: Vec<u64> = sizes.as_array().expect("sizes").iter().map(|n| n.as_u64().expect("a number")).collect();
    assert_eq!(sizes.iter().sum::<u64>(), 600);
    browser.press("ArrowRight", 39);
    let mut users = std::collections::BTreeSet::from([aloud(&mut browser)]);
    for _ in 1..sizes[0] {
        browser.press("ArrowRight", 39);
        users.insert(aloud(&mut browser));
    }
    assert_eq!(users.len() as u64, sizes[0], "no user twice");
    browser.press("ArrowDown", 40);
    assert!(
        aloud(&mut browser).starts_with("1 ·") || aloud(&mut browser).starts_with("Segment 1"),
        "{}",
        aloud(&mut browser)
    );
    // Enlarged, the map goes along with the marks.
    browser.press("+", 187);
    browser.press("+", 187);
    for key in [("ArrowRight", 39), ("End", 35), ("Home", 36)] {
        browser.press(key.0, key.1);
        let outside = "(() => { const [halo, map] = ['.halo', '#chart-map > svg'].map((s) => document.querySelector(s).getBoundingClientRect()); \
                       const [x, y] = [halo.left + halo.width / 2, halo.top + halo.height / 2]; \
                       return x < map.left || x > map.right || y < map.top || y > map.bottom; })()";
        assert_eq!(browser.evaluate(outside), false, "{key:?}");
    }
}

/// What is found, as the list says it.
fn found(browser: &mut Browser, words: &str) -> Vec<String> {
    browser.evaluate("document.querySelector('#find').value = ''");
    browser.evaluate("document.querySelector('#find').focus()");
    browser.call("Input.insertText", json!({ "text": words }));
    let options = "document.querySelector('#found').hidden ? [] : [...document.querySelectorAll('#found li')].map((o) => o.textContent)";
    let options = browser.evaluate(options);
    options.as_array().expect("a list").iter().map(|option| option.as_str().expect("a text").to_string()).collect()
}

const ODD: [&str; 3] = ["</script><b>\"&'", "=1+1", "a\tb é"];

/// Ids and titles with everything in them that could mean something in HTML, scripts, SVG or a spreadsheet.
fn odd(sandbox: &Sandbox) -> String {
    let mut ratings = String::from("user,item,rating\n");
    for user in 0..60u32 {
        for item in 0..6u32 {
            let liked = if user % 2 == 0 { item } else { item + 6 };
            let id = match user {
                0..3 => ODD[user as usize].replace('"', "\"\""),
                n => format!("user {n}"),
            };
            ratings += &format!("\"{id}\",{liked},{}\n", 1 + (user + item) % 5);
        }
    }
    let titles: String = (0..12).map(|i| format!("{i},\"{}{i}\"\n", ODD[i % 3].replace('"', "\"\""))).collect();
    sandbox.write("ratings.csv", ratings);
    sandbox.write("titles.csv", titles);
    "[input]\nratings = ['ratings.csv']\n[input.items]\npath = 'titles.csv'\nheader = false\n[kmeans]\nclusters = 2\n[pca]\n\
     components = 2\n[sweep]\nclusters = []\n[evidence]\nenabled = false\n"
        .into()
}

#[test]
fn the_search_box_finds_segments_items_and_users() {
    let Some(mut browser) = Browser::start() else { return };
    let sandbox = Sandbox::new();
    let job = odd(&sandbox);
    opened(&mut browser, &sandbox, &job);
    browser.press("/", 191);
    assert_eq!(browser.evaluate("document.activeElement.id"), "find", "/ leads to the box");

    let exact = found(&mut browser, "user 17");
    assert!(exact.len() == 1 && exact[0].starts_with("User user 17 · "), "{exact:?}");
    assert!(aloud(&mut browser).starts_with("1 found: User user 17"), "{}", aloud(&mut browser));
    let many = found(&mut browser, "USER 1");
    assert!(many.len() == 10, "user 10 to 19 {many:?}");
    for id in ODD {
        let user = found(&mut browser, id);
        assert!(user[0].starts_with(&format!("User {id} · ")), "{id}: {user:?}");
    }
    let item = found(&mut browser, "=1+14");
    assert!(item.len() == 1 && item[0].starts_with("=1+14 · "), "{item:?}");
    assert!(found(&mut browser, "A B E").len() >= 4, "without accents, whatever the space");
    assert_eq!(found(&mut browser, "nobody"), Vec::<String>::new());
    assert_eq!(aloud(&mut browser), "Nothing found.");

    // Arrow keys and Enter.
    let names = browser.evaluate("[...document.querySelectorAll('.card h3')].map((h) => h.textContent)");
    let segment = found(&mut browser, names[1].as_str().expect("a name"));
    assert!(segment[0].starts_with(names[1].as_str().expect("a name")), "{segment:?}");
    let chosen = "document.getElementById(document.querySelector('#find').getAttribute('aria-activedescendant')).getAttribute('aria-selected')";
    found(&mut browser, "user 1");
    browser.press("ArrowDown", 40);
    assert_eq!(browser.evaluate(chosen), "true");
    assert_eq!(browser.evaluate("document.querySelectorAll('#found [aria-selected=\"true\"]').length"), 1);
    browser.press("ArrowUp", 38);
    browser.press("ArrowUp", 38);
    let last = browser.evaluate("document.querySelector('#found li:last-child').getAttribute('aria-selected')");
    assert_eq!(last, "true", "up from the first leads to the last");
    if let Some(axe) = axe() {
        let nothing: [&str; 0] = [];
        assert_eq!(violations(&mut browser, axe), nothing, "with results open");
    }
    browser.press("Escape", 27);
    assert_eq!(browser.evaluate("document.querySelector('#found').hidden"), true);
    found(&mut browser, names[1].as_str().expect("a name"));
    browser.press("Enter", 13);
    assert_eq!(browser.evaluate("document.activeElement.id"), "segment-1");
    let top = browser
        .evaluate("document.querySelector('#segment-1').getBoundingClientRect().top")
        .as_f64()
        .expect("a number");
    assert!((-1.0..900.0).contains(&top), "the card is in sight, not at {top}");
    let nothing: [&str; 0] = [];
    assert_eq!(browser.complaints(), nothing);
    assert_eq!(browser.evaluate("document.querySelectorAll('.page b b, h3 b').length"), 0, "no markup from the data");
}

/// Of more users than a page carries it says so.
#[test]
fn the_search_box_says_whom_it_knows() {
    let sandbox = Sandbox::new();
    let hint = |page: &Path| {
        let page = std::fs::read_to_string(page).expect("the page");
        page[page.find("id=\"finds\"").expect("a hint")..].chars().take(200).collect::<String>()
    };
    let few = hint(&report(&sandbox, MADE_UP));
    assert!(few.contains("and users by id. Press"), "{few}");
}

#[test]
fn a_button_copies_the_table_of_a_segment() {
    let Some(mut browser) = Browser::start() else { return };
    let sandbox = Sandbox::new();
    let job = odd(&sandbox);
    opened(&mut browser, &sandbox, &job);
    browser
        .call("Browser.grantPermissions", json!({ "permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"] }));
    let rows =
        browser.evaluate("document.querySelectorAll('#segment-1 .items tbody tr').length").as_u64().expect("a count");
    for by_hand in [false, true] {
        browser.evaluate("navigator.clipboard.writeText('nothing')");
        if by_hand {
            browser
                .evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined, configurable: true }); 0");
        }
        browser.evaluate("document.querySelector('#segment-1 .copy').focus()");
        browser.press("Enter", 13);
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
        while !aloud(&mut browser).ends_with("is copied.") {
            assert!(std::time::Instant::now() < deadline, "{}", aloud(&mut browser));
        }
        assert_eq!(browser.evaluate("document.activeElement.textContent"), "Copied");
        browser.evaluate("delete navigator.clipboard; document.querySelector('#said').textContent = ''; 0");
        let text = browser.evaluate("navigator.clipboard.readText()");
        let lines: Vec<Vec<&str>> =
            text.as_str().expect("a text").lines().map(|line| line.split('\t').collect()).collect();
        assert_eq!(lines.len() as u64, 2 + rows, "{text}");
        assert_eq!(lines[1], ["item", "have it", "all users", "× all", "rated"]);
        assert!(lines[0].len() == 2 && lines[2..].iter().all(|row| row.len() == 5), "{lines:?}");
        for row in &lines[2..] {
            assert!(row[1].ends_with('%') && row[2].ends_with('%'), "{row:?}");
            assert!(row[3].parse::<f64>().is_ok_and(|times| times > 0.0) && row[4].parse::<f64>().is_ok(), "{row:?}");
            assert!(!row[0].starts_with('='), "a spreadsheet would compute {:?}", row[0]);
        }
        assert!(
            lines[2..].iter().any(|row| row[0].starts_with("'=1+1"))
                && lines[2..].iter().any(|row| row[0].starts_with("</script>"))
        );
    }
}

/// Without its script the page has all charts and numbers, and no buttons that do nothing.
#[test]
fn without_its_script_a_report_shows_everything_but_what_moves() {
    let Some(mut browser) = Browser::start() else { return };
    let sandbox = Sandbox::new();
    let file = report(&sandbox, MADE_UP);
    browser.look(1280, "light", "screen");
    browser.call("Emulation.setScriptExecutionDisabled", json!({ "value": true }));
    browser.open_file(&file, "document.readyState === 'complete'");
    let seen = "[...document.querySelectorAll('.chart svg[role=img]')].map((svg) => svg.getBoundingClientRect()) \
                .filter((box) => box.width > 200 && box.height > 200).length";
    assert_eq!(browser.evaluate(seen), 7);
    assert_eq!(browser.evaluate("document.querySelectorAll('#chart-map .series > rect').length"), 600);
    let idle = "[...document.querySelectorAll('.scripted, .copy, .find, .tip, .halo')].filter((e) => e.checkVisibility()).length";
    assert_eq!(browser.evaluate(idle), 0);
    assert_eq!(browser.evaluate(CROWDED), Value::Array(Vec::new()));
    browser.call("Emulation.setScriptExecutionDisabled", json!({ "value": false }));
}

/// A script that is not the page's own does not run, whatever got it there.
#[test]
fn no_other_script_runs_in_a_report() {
    let Some(mut browser) = Browser::start() else { return };
    let sandbox = Sandbox::new();
    let file = report(&sandbox, MADE_UP);
    let page = std::fs::read_to_string(&file).expect("the page");
    let with = sandbox.write(
        "with.html",
        page.replace(
            "</main>",
            "<script>document.title = 'taken'</script><img src=x onerror=\"document.title = 'taken'\"></main>",
        ),
    );
    browser.look(1280, "light", "screen");
    browser.open_file(&with, DRAWN);
    assert_ne!(browser.evaluate("document.title"), "taken");
    assert!(
        browser.complaints().iter().any(|complaint| complaint.contains("Content Security Policy")),
        "{:?}",
        browser.complaints()
    );
}

#[test]
fn the_report_on_movielens_is_small() {
    let Some(folder) = ml100k() else { return };
    let sandbox = Sandbox::new();
    let size = std::fs::metadata(report(&sandbox, &on_movielens(&folder))).expect("the page").len();
    assert!(size < 300_000, "{size} bytes");
}

/// Many segments and users: still under 700 KB, still comfortable.
#[test]
fn a_report_of_many_segments_is_small_and_comfortable() {
    let sandbox = Sandbox::new();
    let job = "[input.generate]\nusers = 6000\nitems = 1500\nratings_per_user = 20\nsegments = 40\n[pca]\ncomponents = 6\n\
               [kmeans]\nclusters = 256\nn_init = 1\nmax_iter = 3\n[sweep]\nclusters = []\n[evidence]\nenabled = false\n[profile]\ntop = 20\n";
    let file = report(&sandbox, job);
    let size = std::fs::metadata(&file).expect("the page").len();
    assert!(size < 700_000, "{size} bytes");
    let Some(mut browser) = Browser::start() else { return };
    assert_comfortable(&mut browser, &file, "256 segments");
}
