//! A model as an ONNX graph: rows of ratings in, segments and distances out.
//!
//! ```text
//! ratings    (users, n_items)      double; items in the order of the metadata `items`
//! segment    (users)               int64
//! distances  (users, n_segments)   double
//! likelihoods (users, n_segments)  double; log₂ up to a constant, where segments were refined by a mixture
//! ```
//!
//! A rating of 0 is the same as none, and so are NaN and what is below 0. Whoever fills the rows merges several ratings of an item, and leaves out
//! those that the run's filters leave out, as the metadata `reading` says.
//!
//! The graph uses operators of the default domain alone, of [`OPSET`]. Numbers are of 64 bits; the tables of a mixture have 32, and are
//! widened in the graph.
//!
//! | file | what it has |
//! |---|---|
//! | `proto` | the messages of ONNX, as far as they are needed |
//! | `builder` | operators and constants, one after the other |
//! | `graph` | the graph of a model |
//! | `model` | the graph with its inputs, outputs and metadata |

mod builder;
mod graph;
mod model;
mod proto;

pub use model::{OPSET, encode};
