//! Panics of a library on bytes from outside: a reader of a file format may panic on a damaged file where it should return
//! an error.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

thread_local! {
    static CATCHING: Cell<bool> = const { Cell::new(false) };
}

/// A panic on this thread will be returned by [`caught`]. A panic hook then has nothing to say.
pub fn is_catching() -> bool {
    CATCHING.get()
}

/// What `read` returns, or what it said as it panicked. After a panic, drop what it was writing to.
///
/// The hook of panics that stands at the first call no longer sees the panics inside; one that is set later asks
/// [`is_catching`].
pub fn caught<T>(read: impl FnOnce() -> T) -> Result<T, String> {
    static QUIET: Once = Once::new();
    QUIET.call_once(|| {
        let usual = take_hook();
        set_hook(Box::new(move |info| {
            if !is_catching() {
                usual(info);
            }
        }));
    });
    let before = CATCHING.replace(true);
    let read = catch_unwind(AssertUnwindSafe(read));
    CATCHING.set(before);
    read.map_err(|panic| said(&*panic))
}

fn said(panic: &dyn Any) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("it panicked").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_its_text_and_no_panic_passes_through() {
        assert_eq!(caught(|| 7), Ok(7));
        assert_eq!(caught(|| panic!("page {}", 3)), Err::<(), _>("page 3".to_string()));
        assert_eq!(caught(|| panic!("no page")), Err::<(), _>("no page".to_string()));
        assert_eq!(caught(|| (caught(|| panic!("inner")), is_catching())), Ok((Err::<(), _>("inner".into()), true)));
        assert!(!is_catching());
    }
}
