//! A service's published language: contract files, decoding an event, folding it into changes of tables.
//!
//! Knows no view, no state and no log: bytes in, table operations out.
//!
//! Public interface (to be kept by the implementation):
//! ```ignore
//! pub struct ContractFile { pub path: String, pub text: String }
//! pub struct ContractSet { /* private */ }
//! impl ContractSet {
//!     /// Reads all contract files together; every problem found, not just the first.
//!     pub fn load(files: &[ContractFile]) -> Result<ContractSet, Vec<Problem>>;
//!     /// All tables, ordered by service then name; `TableId` is the index.
//!     pub fn tables(&self) -> &[TableSchema];
//!     pub fn services(&self) -> impl Iterator<Item = &str>;      // in order of name
//!     pub fn numbering(&self, service: &str) -> Numbering;
//!     /// Text that changes exactly when the meaning of the contracts changes (comments and spaces do not count).
//!     pub fn canonical(&self) -> String;
//!     pub fn decode(&self, service: &str, payload: &[u8]) -> Decoded;
//! }
//! pub enum Numbering { Dense /* the event's own sequence */, Stream /* the log's stream sequence */ }
//! pub struct Decoded { pub id: Option<String>, pub kind: Option<String>, pub entity: Option<String>, pub time: Option<String>,
//!                      pub sequence: Option<u64>, pub outcome: Outcome }
//! pub enum Outcome { Changes(Vec<TableChange>), UnknownType, Unfit(String /* reason, for a person */) }
//! pub enum TableChange {
//!     /// Sets the named columns of the row with this key, creating it (others NULL) if missing.
//!     Upsert { table: TableId, key: Vec<Value>, set: Vec<(usize, Value)> },
//!     /// Deletes every row whose key begins with these values.
//!     Delete { table: TableId, key_prefix: Vec<Value> },
//!     /// These rows take the place of every row whose key begins with the prefix.
//!     Replace { table: TableId, key_prefix: Vec<Value>, rows: Vec<Row> },
//! }
//! ```
