//! What can go wrong below the projector's loop.

use prejoin_model::{KeyError, Problem, RowError};
use prejoin_state::StateError;
use thiserror::Error;

#[derive(Debug, Error)]
pub enum EngineError {
    #[error(transparent)]
    State(#[from] StateError),
    #[error(
        "the state holds bytes that cannot be read: {0}. The state is a cache of the log: remove its directory and it is replayed"
    )]
    Damaged(String),
    #[error(
        "the state has format {found}; this version reads format {expected}. Remove the state directory and it is replayed from the log"
    )]
    Format { found: u32, expected: u32 },
    /// The state was folded under other contracts: its tables do not mean what they would mean now.
    #[error("the contracts have changed since the state was built")]
    ContractsChanged,
    #[error("{}", list(.0))]
    Definition(Vec<Problem>),
}

impl From<RowError> for EngineError {
    fn from(error: RowError) -> Self {
        EngineError::Damaged(error.to_string())
    }
}

impl From<KeyError> for EngineError {
    fn from(error: KeyError) -> Self {
        EngineError::Damaged(error.to_string())
    }
}

fn list(problems: &[Problem]) -> String {
    problems.iter().map(Problem::to_string).collect::<Vec<_>>().join("\n")
}
