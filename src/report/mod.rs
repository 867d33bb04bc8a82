//! What a finished run looks like: the page, its charts, and the words on the terminal. Only draws.

pub mod charts;
pub mod forecast;
pub mod page;
pub mod terminal;
pub mod verdict;
