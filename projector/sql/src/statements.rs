//! A file's text to its statements: what is not `CREATE MATERIALIZED VIEW` or `CREATE INDEX` is refused here.

use sqlparser::ast::{self, IndexType, Spanned};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer, Whitespace};

use crate::names;
use crate::plan::IndexMethod;
use crate::refusal::{Checked, Place, Refusal, refuse};

/// Bounds the memory and the stack that reading one statement takes.
const TOKENS_MAX: usize = 10_000;

#[derive(Debug)]
pub(crate) enum Statement {
    View(ViewStatement),
    Index(IndexStatement),
}

#[derive(Debug)]
pub(crate) struct ViewStatement {
    pub(crate) name: String,
    pub(crate) place: Place,
    pub(crate) comment: Option<String>,
    pub(crate) query: Box<ast::Query>,
}

#[derive(Debug)]
pub(crate) struct IndexStatement {
    pub(crate) view: String,
    pub(crate) view_place: Place,
    pub(crate) method: IndexMethod,
    pub(crate) columns: Vec<IndexedColumn>,
}

#[derive(Debug)]
pub(crate) struct IndexedColumn {
    pub(crate) name: String,
    pub(crate) descending: bool,
    pub(crate) place: Place,
}

/// All statements that could be read, and the refusals of those that could not.
pub(crate) fn read_statements(text: &str) -> (Vec<Statement>, Vec<Refusal>) {
    let mut statements = Vec::new();
    let mut refusals = Vec::new();
    let mut tokens = Vec::new();
    let broken =
        Tokenizer::new(&PostgreSqlDialect {}, text).tokenize_with_location_into_buf(&mut tokens).err();
    let mut pieces: Vec<&[TokenWithSpan]> =
        tokens.split_inclusive(|token| token.token == Token::SemiColon).collect();
    if broken.is_some() && pieces.last().is_some_and(|piece| !ends_with_semicolon(piece)) {
        // The unfinished statement holds the character that cannot be read: one refusal is enough.
        pieces.pop();
    }
    for piece in pieces {
        match read_statement(piece) {
            Ok(statement) => statements.extend(statement),
            Err(refusal) => refusals.push(refusal),
        }
    }
    if let Some(error) = broken {
        let place = Place::of(error.location).unwrap_or(Place::START);
        refusals.push(Refusal::new(
            place,
            format!("the text cannot be read: {}", error.message),
            "close what is opened here: every quote, dollar quote and comment needs its end",
        ));
    }
    (statements, refusals)
}

fn ends_with_semicolon(piece: &[TokenWithSpan]) -> bool {
    piece.last().is_some_and(|token| token.token == Token::SemiColon)
}

fn is_space(token: &TokenWithSpan) -> bool {
    matches!(token.token, Token::Whitespace(_))
}

/// One statement with its semicolon and what stands before it; nothing if there is only space.
fn read_statement(piece: &[TokenWithSpan]) -> Checked<Option<Statement>> {
    let piece = if ends_with_semicolon(piece) { &piece[..piece.len() - 1] } else { piece };
    let Some(start) = piece.iter().position(|token| !is_space(token)) else { return Ok(None) };
    let (above, body) = piece.split_at(start);
    let place = Place::of(body[0].span.start).unwrap_or(Place::START);
    if body.iter().filter(|token| !is_space(token)).count() > TOKENS_MAX {
        return refuse(
            place,
            format!("the statement is longer than {TOKENS_MAX} words and signs"),
            "split the view in two",
        );
    }
    check_leading_words(body, place)?;
    if let Some(token) = body.iter().find(|token| token.token == Token::DoubleEq) {
        return refuse(place.or(token.span), "operator does not exist: ==", "write =");
    }
    check_betweens(body, place)?;
    let end = body.last().and_then(|token| Place::of(token.span.end)).unwrap_or(place);
    let mut parser = Parser::new(&PostgreSqlDialect {}).with_tokens_with_locations(body.to_vec());
    let parsed = parser.parse_statement().map_err(|error| syntax_error(error, place, end))?;
    check_rest(&mut parser, end)?;
    match parsed {
        ast::Statement::CreateView(view) => view_statement(view, comment_above(above), place).map(Some),
        ast::Statement::CreateIndex(index) => index_statement(&index, place).map(Some),
        _ => refuse(place, "this is not a statement of a view file", FILE_HOLDS),
    }
}

const FILE_HOLDS: &str =
    "a view file holds CREATE MATERIALIZED VIEW name AS SELECT … and CREATE INDEX ON name (…)";

/// Refuses other statements by their first words, whether or not the parser knows the rest of them.
fn check_leading_words(body: &[TokenWithSpan], place: Place) -> Checked<()> {
    let words: Vec<String> = body
        .iter()
        .filter(|token| !is_space(token))
        .map_while(|token| match &token.token {
            Token::Word(word) if word.quote_style.is_none() => Some(word.value.to_ascii_uppercase()),
            _ => None,
        })
        .take(8)
        .collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["CREATE", "MATERIALIZED", "VIEW", "IF", ..] => refuse(
            place,
            "IF NOT EXISTS has no meaning in a view file",
            "leave IF NOT EXISTS out: a changed file is noticed and its view rebuilt",
        ),
        ["CREATE", "MATERIALIZED", "VIEW", ..] | ["CREATE", "INDEX", ..] => Ok(()),
        ["CREATE", "UNIQUE", "INDEX", ..] => refuse(
            place,
            "a view's index cannot be UNIQUE: what is unique is decided by the services that own the data",
            "write CREATE INDEX",
        ),
        ["CREATE", "OR", "REPLACE", "MATERIALIZED", ..] => refuse(
            place,
            "OR REPLACE has no meaning in a view file",
            "leave OR REPLACE out: a changed file is noticed and its view rebuilt",
        ),
        ["CREATE", rest @ ..] if rest.contains(&"VIEW") => {
            refuse(place, "a plain view is not kept up to date", "write CREATE MATERIALIZED VIEW")
        }
        ["CREATE", rest @ ..] if rest.contains(&"TABLE") => refuse(
            place,
            "CREATE TABLE does not belong in a view file",
            "declare the table in its service's contract, config/contracts/SERVICE.toml",
        ),
        ["SELECT" | "WITH" | "VALUES", ..] => {
            refuse(place, "the query has no name", "write CREATE MATERIALIZED VIEW name AS before it")
        }
        ["CREATE", what, ..] => {
            refuse(place, format!("CREATE {what} does not belong in a view file"), FILE_HOLDS)
        }
        [word, ..] => refuse(place, format!("{word} does not begin a statement of a view file"), FILE_HOLDS),
        [] => refuse(place, "this does not begin a statement of a view file", FILE_HOLDS),
    }
}

/// Refuses the words after BETWEEN that the parser takes for columns. PostgreSQL has no columns of these names.
fn check_betweens(body: &[TokenWithSpan], place: Place) -> Checked<()> {
    let is_word = |token: &TokenWithSpan, wanted: &str| match &token.token {
        Token::Word(word) => word.quote_style.is_none() && word.value.eq_ignore_ascii_case(wanted),
        _ => false,
    };
    let mut tokens = body.iter().filter(|token| !is_space(token)).peekable();
    while let Some(token) = tokens.next() {
        let Some(next) = tokens.peek().filter(|_| is_word(token, "BETWEEN")) else { continue };
        if is_word(next, "SYMMETRIC") {
            return refuse(
                place.or(next.span),
                "BETWEEN SYMMETRIC is not supported",
                "write both orders: (a BETWEEN b AND c OR a BETWEEN c AND b); and NOT (…) around them for NOT BETWEEN SYMMETRIC",
            );
        }
        if is_word(next, "ASYMMETRIC") {
            return refuse(
                place.or(next.span),
                "BETWEEN ASYMMETRIC is not supported",
                "leave ASYMMETRIC out: BETWEEN alone means the same",
            );
        }
    }
    Ok(())
}

/// Refuses what the parser left over, by name where the words are known.
fn check_rest(parser: &mut Parser<'_>, end: Place) -> Checked<()> {
    let next = parser.next_token();
    if next.token == Token::EOF {
        return Ok(());
    }
    let place = end.or(next.span);
    let following = parser.next_token();
    let words = format!("{} {}", next.token, following.token).to_ascii_uppercase();
    match words.as_str() {
        "WITH NO" | "WITH DATA" => refuse(
            place,
            "WITH [NO] DATA has no meaning in a view file",
            "leave it out: a view is always filled and kept filled",
        ),
        _ => refuse(
            place,
            format!("syntax error at {}", next.token),
            "a word before it may be misspelt, or the statement above may lack its semicolon",
        ),
    }
}

fn syntax_error(error: ParserError, start: Place, end: Place) -> Refusal {
    let message = match error {
        ParserError::TokenizerError(message) | ParserError::ParserError(message) => message,
        ParserError::RecursionLimitExceeded => {
            return Refusal::new(
                start,
                "the statement is nested too deeply",
                "use fewer parentheses inside each other, or split the view in two",
            );
        }
    };
    let (message, place) = match message.rsplit_once(" at Line: ") {
        Some((message, location)) => (message.to_owned(), read_location(location).unwrap_or(end)),
        None => (message, end),
    };
    let message = message.replace("Expected: ", "expected ").replace("found: EOF", "found the end");
    Refusal::new(
        place,
        format!("syntax error: {}", message.replace("found: ", "found ")),
        "correct the text here; it is PostgreSQL's SQL",
    )
}

/// Reads `3, Column: 14`.
fn read_location(text: &str) -> Option<Place> {
    let (line, column) = text.split_once(", Column: ")?;
    Some(Place { line: line.trim().parse().ok()?, column: column.trim().parse().ok()? })
}

fn view_statement(view: ast::CreateView, comment: Option<String>, place: Place) -> Checked<Statement> {
    let ast::CreateView {
        or_alter: false,
        or_replace: false,
        materialized: true,
        secure: false,
        name,
        name_before_not_exists: _,
        columns,
        query,
        options,
        cluster_by,
        comment: None,
        with_no_schema_binding: false,
        if_not_exists: false,
        temporary: false,
        copy_grants: false,
        to: None,
        params: None,
    } = view
    else {
        return refuse(place, "only CREATE MATERIALIZED VIEW name AS SELECT … is understood", FILE_HOLDS);
    };
    let name_place = place.or(name.span());
    if let Some(column) = columns.first() {
        return refuse(
            name_place.or(column.name.span),
            "a list of column names after the view's name is not supported",
            "name the columns with AS in the SELECT",
        );
    }
    if options != ast::CreateTableOptions::None || !cluster_by.is_empty() {
        return refuse(name_place, "a view has no storage parameters here", "leave the WITH (…) out");
    }
    let view_name = names::single_name(&name, place)?;
    names::not_reserved_for_prejoin(&view_name, "view", name_place)?;
    Ok(Statement::View(ViewStatement { name: view_name, place: name_place, comment, query }))
}

fn index_statement(index: &ast::CreateIndex, place: Place) -> Checked<Statement> {
    let view_place = place.or(index.table_name.span());
    let unsupported: &[(bool, &str)] = &[
        (index.unique, "UNIQUE"),
        (index.concurrently, "CONCURRENTLY"),
        (index.r#async, "ASYNC"),
        (index.if_not_exists, "IF NOT EXISTS"),
        (!index.include.is_empty(), "INCLUDE"),
        (index.nulls_distinct.is_some(), "NULLS [NOT] DISTINCT"),
        (!index.with.is_empty(), "WITH (…)"),
        (index.predicate.is_some(), "WHERE"),
        (!index.index_options.is_empty(), "an index option"),
        (!index.alter_options.is_empty(), "an option"),
    ];
    for (given, what) in unsupported {
        if *given {
            return refuse(
                view_place,
                format!("CREATE INDEX does not take {what} here"),
                "write CREATE INDEX ON view (column [ASC|DESC], …)",
            );
        }
    }
    let method = index_method(index.using.as_ref(), view_place)?;
    let columns = index.columns.iter().map(|column| indexed_column(column, view_place));
    Ok(Statement::Index(IndexStatement {
        view: names::single_name(&index.table_name, place)?,
        view_place,
        method,
        columns: columns.collect::<Checked<_>>()?,
    }))
}

fn index_method(method: Option<&IndexType>, place: Place) -> Checked<IndexMethod> {
    match method {
        None | Some(IndexType::BTree) => Ok(IndexMethod::BTree),
        Some(IndexType::GIN) => Ok(IndexMethod::Gin),
        Some(IndexType::Custom(name)) if names::fold(name) == "fulltext" => refuse(
            place.or(name.span),
            "USING fulltext comes with the search index, which does not exist yet",
            "leave this index out for now; LIKE and ILIKE search without it",
        ),
        Some(other) => refuse(
            place,
            format!("an index USING {other} is not supported"),
            "leave USING out, or write USING btree, or USING gin for what jsonb documents and arrays contain",
        ),
    }
}

fn indexed_column(column: &ast::IndexColumn, near: Place) -> Checked<IndexedColumn> {
    let ast::IndexColumn { column: ordered, operator_class } = column;
    let place = near.or(ordered.expr.span());
    let ast::Expr::Identifier(ident) = &ordered.expr else {
        return refuse(
            place,
            format!("the index is over the expression {}", ordered.expr),
            "put the expression into the view's SELECT with an AS name and index that column",
        );
    };
    if let Some(class) = operator_class {
        return refuse(place, format!("the operator class {class} is not supported"), "leave it out");
    }
    let descending = match &ordered.options.sort {
        None | Some(ast::OrderBySort::Asc) => false,
        Some(ast::OrderBySort::Desc) => true,
        Some(_) => return refuse(place, "ORDER BY USING is not supported", "write ASC or DESC"),
    };
    if ordered.options.nulls_first.is_some_and(|first| first != descending) {
        return refuse(
            place,
            "NULLs stand last in ascending order and first in descending order",
            "leave NULLS FIRST or NULLS LAST out",
        );
    }
    Ok(IndexedColumn { name: names::name(ident, near)?, descending, place })
}

/// The comments that stand directly above a statement, without markers and without an empty line in between.
fn comment_above(above: &[TokenWithSpan]) -> Option<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut newlines = 0;
    // What stands on the line of the previous statement's end belongs to that statement.
    let mut on_line_of_previous =
        above.first().is_some_and(|token| (token.span.start.line, token.span.start.column) != (1, 1));
    for token in above {
        let Token::Whitespace(space) = &token.token else { continue };
        match space {
            Whitespace::Newline => newlines += 1,
            Whitespace::Space | Whitespace::Tab => {}
            Whitespace::SingleLineComment { comment, .. } => {
                start_comment(&mut lines, newlines);
                if !on_line_of_previous || newlines > 0 {
                    lines.push(comment.trim().to_owned());
                }
                newlines = usize::from(comment.ends_with('\n'));
            }
            Whitespace::MultiLineComment(comment) => {
                start_comment(&mut lines, newlines);
                if !on_line_of_previous || newlines > 0 {
                    let text =
                        comment.lines().map(|line| line.trim().trim_start_matches('*').trim().to_owned());
                    lines.extend(text);
                }
                newlines = 0;
            }
        }
        on_line_of_previous &= newlines == 0;
    }
    if newlines > 1 {
        return None;
    }
    let text = lines.join("\n");
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// An empty line separates a comment from what stood above it.
fn start_comment(lines: &mut Vec<String>, newlines: usize) {
    if newlines > 1 {
        lines.clear();
    }
}
