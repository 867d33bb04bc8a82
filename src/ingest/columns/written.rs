//! How the ratings are written, once their column is known.

use super::content::Content;
use super::look::{Look, called};
use crate::error::{Error, Result};
use crate::ingest::numbers::{self, Found};
use crate::ingest::source::InputFile;
use crate::job::{Decimal, Numbers, OnBad};

/// From so many plain numbers on, what is none is dirt that is set aside where that is what becomes of bad rows.
const MOSTLY: f64 = 0.95;

/// How the ratings in `column` are written, and a line that says so where it is not the usual way. `given` is what the job says.
///
/// # Errors
/// [`Error::Job`] where two readings are possible.
pub fn written(
    look: &Look,
    column: usize,
    given: Decimal,
    on_bad: OnBad,
    file: &InputFile,
) -> Result<(Numbers, Option<String>)> {
    let content = Content::of(&look.rows, column);
    let found = if given == Decimal::Plain { content.written().clone() } else { content.written_with(given) };
    match found {
        Found::Sure(numbers) => {
            let said =
                content.decorated(&numbers).map(|(text, number)| format!("numbers: {text:?} is read as {number}"));
            Ok((numbers, said))
        }
        Found::Open { .. } if on_bad == OnBad::Reject && content.plain_numbers() >= MOSTLY => {
            Ok((Numbers::default(), None))
        }
        Found::Open { example } => Err(question(&example, &called(look, column), file)),
    }
}

fn question(example: &str, column: &str, file: &InputFile) -> Error {
    let read = |decimal| numbers::read(example, &Numbers { decimal, currency: None });
    let either = [Decimal::Point, Decimal::Comma]
        .map(|decimal| read(decimal).map_or("a number".into(), |number| number.to_string()));
    let [point, comma] = either;
    let problem = format!("{}: {example:?} in column {column:?} may be {point} or {comma}", file.path.display());
    let remedy =
        "write --set input.decimal=. if fractions begin with a point, or --set input.decimal=, if with a comma";
    Error::job("input.decimal", problem, remedy)
}
