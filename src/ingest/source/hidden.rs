//! Files that a folder does not stand for.

/// True for names that begin with a dot, and for those that begin with an underscore (`_SUCCESS`, `_delta_log`): Hive
/// and Spark mark by it what is not data. `_name=value` is a partition, and not hidden.
pub fn is_hidden(name: &str) -> bool {
    name.starts_with('.') || name.starts_with('_') && !name.contains('=')
}
