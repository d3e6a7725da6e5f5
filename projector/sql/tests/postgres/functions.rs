//! Calls of functions and operators: each with every choice of its arguments from short lists, or a sample of them.

use crate::generate::Random;

/// Calls of one function with all combinations of arguments; of more than this many a sample is drawn.
const CALLS_MAX: usize = 20;

type Arguments = &'static [&'static [&'static str]];

const NUMBER: &[&str] = &["a_int", "a_big", "a_num", "a_dbl", "'1.5'", "NULL", "-2.5", "a_txt"];
const EXACT: &[&str] = &["a_num", "b_int::numeric", "a_int", "1.005", "-2.5::numeric", "1e20"];
const POWER: &[&str] = &[
    "a_num",
    "b_num",
    "a_dbl",
    "b_dbl",
    "b_int",
    "2",
    "0.5",
    "-1",
    "3",
    "10.0",
    "(-0.5)::double precision",
    "'2'",
    "1.5",
];
const PLACES: &[&str] = &["0", "2", "-2", "b_int", "NULL", "'1'", "1500"];
const TEXT: &[&str] =
    &["a_txt", "b_txt", "'xyxAbC dé'", "''", "NULL", "a_txt || ' ' || b_txt", "'ABC déf''s 日本語'::text"];
const SHORT: &[&str] = &["b_txt", "'b'", "''", "'é日'", "NULL", "' '", "'xy'"];
const COUNT: &[&str] = &["0", "1", "2", "-1", "5", "-2147483648", "2147483647", "NULL", "'3'", "b_int"];
const LENGTH: &[&str] = &["0", "1", "2", "-1", "5", "-2147483648", "NULL", "'3'", "12"];
const ANY: &[&str] = &[
    "a_bool", "a_int", "a_big", "a_num", "a_dbl", "a_txt", "a_uid", "a_day", "a_tim", "a_jsn", "'x'", "NULL",
];

const CALLS: &[(&str, Arguments)] = &[
    ("abs(#)", &[NUMBER]),
    ("round(#)", &[NUMBER]),
    ("trunc(#)", &[NUMBER]),
    ("ceil(#)", &[NUMBER]),
    ("ceiling(#)", &[NUMBER]),
    ("floor(#)", &[NUMBER]),
    ("sign(#)", &[NUMBER]),
    ("sqrt(#)", &[NUMBER]),
    (
        "sqrt(#)",
        &[&[
            "abs(a_num)",
            "abs(b_num)",
            "2",
            "0.0001",
            "2.00",
            "1e-21",
            "1e41",
            "123456789.123456789",
            "1e10",
        ]],
    ),
    ("round(#, #)", &[EXACT, PLACES]),
    ("trunc(#, #)", &[EXACT, PLACES]),
    ("round(#, #)", &[NUMBER, &["1", "'1'"]]),
    ("mod(#, #)", &[NUMBER, &["b_int", "b_big", "b_num", "3", "0", "-2.5", "NULL"]]),
    ("power(#, #)", &[POWER, POWER]),
    ("pow(#, #)", &[&["2", "a_dbl"], &["0.5", "b_dbl"]]),
    (
        "power(#, #)",
        &[
            &["1.5::numeric", "0.001", "12345.678", "2::numeric", "99999999999.5", "-3.0"],
            &["0.5", "-0.5", "1.25", "7", "-7", "100", "-100", "2.000", "0.333333333", "31.5"],
        ],
    ),
    ("# ^ #", &[POWER, &["2", "b_num", "0.5", "b_dbl", "'2'"]]),
    ("greatest(#, #)", &[ANY, ANY]),
    ("least(#, #, #)", &[NUMBER, NUMBER, EXACT]),
    ("greatest(#)", &[ANY]),
    ("least(#, #)", &[TEXT, SHORT]),
    ("lower(#)", &[TEXT]),
    ("upper(#)", &[TEXT]),
    ("initcap(#)", &[TEXT]),
    ("initcap(#)", &[&["'hello wORLD'", "'o''neil mc-x 3rd x3Y'", "'éa bÉ'"]]),
    ("btrim(#)", &[TEXT]),
    ("ltrim(#)", &[TEXT]),
    ("rtrim(#)", &[TEXT]),
    ("btrim(#, #)", &[TEXT, SHORT]),
    ("ltrim(#, #)", &[TEXT, SHORT]),
    ("rtrim(#, #)", &[TEXT, SHORT]),
    ("trim(#)", &[TEXT]),
    ("trim(LEADING # FROM #)", &[SHORT, TEXT]),
    ("trim(TRAILING # FROM #)", &[SHORT, TEXT]),
    ("trim(BOTH # FROM #)", &[SHORT, TEXT]),
    ("trim(# FROM #)", &[SHORT, TEXT]),
    ("substring(#, #)", &[TEXT, LENGTH]),
    ("substring(#, #, #)", &[TEXT, COUNT, COUNT]),
    ("substr(#, #, #)", &[TEXT, LENGTH, COUNT]),
    ("substr(#, #)", &[TEXT, COUNT]),
    ("substring(# FROM # FOR #)", &[TEXT, COUNT, COUNT]),
    ("substring(# FROM #)", &[TEXT, &["2", "-1", "b_int"]]),
    ("substring(# FOR #)", &[TEXT, COUNT]),
    ("left(#, #)", &[TEXT, COUNT]),
    ("right(#, #)", &[TEXT, COUNT]),
    ("lpad(#, #)", &[TEXT, LENGTH]),
    ("rpad(#, #)", &[TEXT, LENGTH]),
    ("lpad(#, #, #)", &[TEXT, COUNT, SHORT]),
    ("rpad(#, #, #)", &[TEXT, COUNT, SHORT]),
    ("replace(#, #, #)", &[TEXT, SHORT, SHORT]),
    ("translate(#, #, #)", &[TEXT, SHORT, SHORT]),
    ("split_part(#, #, #)", &[TEXT, SHORT, COUNT]),
    (
        "split_part(#, #, #)",
        &[
            &["'a,b,,c'", "',,'", "'aaa'", "'a|é|日'"],
            &["','", "'aa'", "'|'", "''"],
            &["1", "2", "3", "4", "5", "-1", "-2", "-4", "-5", "0"],
        ],
    ),
    ("strpos(#, #)", &[TEXT, SHORT]),
    ("position(# IN #)", &[SHORT, TEXT]),
    ("length(#)", &[TEXT]),
    ("char_length(#)", &[TEXT]),
    ("character_length(#)", &[TEXT]),
    ("octet_length(#)", &[TEXT]),
    ("bit_length(#)", &[TEXT]),
    ("reverse(#)", &[TEXT]),
    ("md5(#)", &[TEXT]),
    ("repeat(#, #)", &[TEXT, LENGTH]),
    ("repeat(#, #)", &[&["'ab'", "a_txt"], &["2147483647", "1073741823"]]),
    ("starts_with(#, #)", &[TEXT, SHORT]),
    ("# ^@ #", &[TEXT, SHORT]),
    ("chr(#)", &[&["a_int", "65", "233", "55296", "1114112", "0", "128512"]]),
    ("ascii(#)", &[TEXT]),
    ("lower(#)", &[ANY]),
    ("length(#)", &[ANY]),
    ("concat(#)", &[ANY]),
    ("concat(#, #)", &[ANY, ANY]),
    ("concat()", &[]),
    ("concat_ws(#, #, #)", &[SHORT, ANY, ANY]),
    ("concat_ws(#, #)", &[ANY, TEXT]),
    ("concat_ws(#)", &[SHORT]),
    ("format(#, #)", &[FORMATS, ANY]),
    ("format(#, #, #)", &[FORMATS, ANY, ANY]),
    ("format(#)", &[FORMATS]),
    ("quote_ident(#)", &[NAMES]),
    ("quote_literal(#)", &[TEXT]),
    ("format('%I', #)", &[NAMES]),
    ("# -> #", &[JSON, STEP]),
    ("# ->> #", &[JSON, STEP]),
    ("# -> 'a' -> 'b' ->> #", &[JSON, STEP]),
    ("# #> #", &[JSON, PATH]),
    ("# #>> #", &[JSON, PATH]),
    ("# @> #", &[JSON, INNER]),
    ("# <@ #", &[INNER, JSON]),
    ("# ? #", &[JSON, &["'a'", "b_txt", "'x'", "NULL"]]),
    ("# ?| #", &[JSON, PATH]),
    ("# ?& #", &[JSON, PATH]),
    ("# || #", &[JSON, JSON]),
    ("# || #", &[JSON, INNER]),
    ("# - #", &[JSON, &["'a'::text", "'c'::text", "0", "-1", "b_int", "b_txt", "7", "NULL"]]),
    ("jsonb_array_length(#)", &[JSON]),
    ("jsonb_typeof(#)", &[JSON]),
    ("to_jsonb(#)", &[ANY]),
    ("to_jsonb(#)", &[TIME]),
    ("to_jsonb(#)", &[SPAN]),
    ("jsonb_build_array(#, #)", &[ANY, ANY]),
    ("jsonb_build_array()", &[]),
    ("jsonb_build_object()", &[]),
    ("jsonb_build_object(#, #)", &[ANY, ANY]),
    ("jsonb_build_object('k', #, #)", &[ANY, ANY]),
    ("jsonb_build_object('a', #, 'b', #)", &[ANY, TIME]),
    ("a_jsn ->> 'a' = 'x'", &[]),
    ("a_jsn -> 'a' || b_jsn", &[]),
    ("a_jsn ->> 'a' || 'x'", &[]),
    ("(a_jsn ->> 0)::numeric + 1", &[]),
    ("(a_jsn -> 0)::integer", &[]),
    ("(# + #)::text", &[TIME, SPAN]),
    ("(# + #)::text", &[SPAN, TIME]),
    ("(# - #)::text", &[TIME, SPAN]),
    ("(# - #)::text", &[TIME, TIME]),
    ("(# + #)::text", &[SPAN, SPAN]),
    ("(# - #)::text", &[SPAN, SPAN]),
    ("# + #", &[&["a_tim"], SPAN]),
    ("(# * #)::text", &[SPAN, FACTOR]),
    ("(# * #)::text", &[FACTOR, SPAN]),
    ("(# / #)::text", &[SPAN, FACTOR]),
    ("(- #)::text", &[SPAN]),
    ("(#)::text", &[SPAN]),
    ("# < #", &[SPAN, SPAN]),
    ("# = #", &[TIME, TIME]),
    ("# >= #", &[TIME, TIME]),
    ("greatest(#, #)::text", &[SPAN, SPAN]),
    ("coalesce(#, #)::text", &[TIME, TIME]),
    ("(#)::timestamp::text", &[TIME]),
    ("(#)::timestamp::date", &[TIME]),
    ("(#)::timestamp::timestamptz", &[TIME]),
    ("a_tim + '1 day'", &[]),
    ("a_tim - '2024-01-01'", &[]),
    ("(a_tim - '2024-01-01')::text", &[]),
    ("a_tim - b_tim > INTERVAL '1 day'", &[]),
    ("a_tim BETWEEN b_tim - INTERVAL '1 month' AND b_tim", &[]),
    ("date_trunc(#, #)::text", &[UNIT, TIME]),
    ("date_trunc(#, #)::text", &[UNIT, TIME]),
    ("date_trunc(#, a_tim)", &[UNIT]),
    ("date_trunc(#, b_day)", &[UNIT]),
    ("date_trunc(#, b_tim::timestamp)::date", &[UNIT]),
    ("date_trunc('day', INTERVAL '1 day 2 hours')", &[]),
    ("extract(# FROM #)", &[FIELD, TIME]),
    ("extract(# FROM a_tim)", &[FIELD]),
    ("extract(# FROM b_tim)", &[FIELD]),
    ("extract(# FROM a_day)", &[FIELD]),
    ("extract(# FROM #)", &[FIELD, SPAN]),
    ("extract(# FROM #)", &[FIELD, SPAN]),
    ("extract(epoch FROM #)", &[SPAN]),
    ("extract('year' FROM a_tim)", &[]),
    ("date_part(#, #)", &[UNIT, TIME]),
    ("date_part('#', a_tim)", &[FIELD]),
    ("date_part('#', a_day)", &[FIELD]),
    ("date_part('#', #)", &[FIELD, SPAN]),
    ("(# AT TIME ZONE 'UTC')::text", &[TIME]),
    ("(# AT TIME ZONE 'utc' AT TIME ZONE 'UTC')::text", &[TIME]),
    ("(a_tim AT TIME ZONE 'UTC')::date", &[]),
    ("to_char(#, #)", &[TIME, TEMPLATE]),
    ("to_char(a_tim, #)", &[TEMPLATE]),
    ("to_char(b_tim, #)", &[TEMPLATE]),
    ("to_char(b_day, #)", &[TEMPLATE]),
    (
        "make_date(#, #, #)",
        &[
            &["2024", "a_int", "-44", "0", "2023", "5874897"],
            &["2", "12", "b_int", "13"],
            &["29", "1", "31", "-1", "NULL"],
        ],
    ),
];

const JSON: &[&str] = &[
    "a_jsn",
    "b_jsn",
    "'{\"a\": {\"b\": [1, 2.50, \"x\", null]}, \"c\": null}'::jsonb",
    "NULL::jsonb",
    "'[1, [2], {\"a\": 1}, \"a\"]'::jsonb",
    "to_jsonb(a_txt)",
    "'\"a\"'::jsonb",
];

const STEP: &[&str] = &["'a'", "'c'", "0", "-1", "2", "b_txt", "b_int", "NULL", "'0'", "5"];

const PATH: &[&str] = &[
    "'{a}'",
    "'{a,b}'",
    "'{a,b,1}'",
    "'{0}'",
    "'{-1}'",
    "ARRAY['a', 'b', '-1']",
    "'{}'",
    "ARRAY['c']",
    "'{2,a}'",
    "'{a, b}'",
];

const INNER: &[&str] = &[
    "'{\"a\": {}}'",
    "'[1]'",
    "'1'",
    "'\"a\"'",
    "b_jsn",
    "'[[2]]'",
    "'{}'",
    "'[]'",
    "'{\"a\": {\"b\": [2.5]}}'::jsonb",
    "'null'",
];

const TEMPLATE: &[&str] = &[
    "'YYYY-MM-DD'",
    "'YYYY-MM-DD HH24:MI:SS.MS'",
    "'DD.MM.YY HH12:MI AM'",
    "'FMMonth FMDDth, YYYY'",
    "'Day|DAY|day'",
    "'Dy DY dy'",
    "'MON Mon mon'",
    "'Month|MONTH|month|'",
    "'IYYY-\"W\"IW-ID'",
    "'WW W D DDD'",
    "'Q CC J'",
    "'US MS SSSS SSSSS'",
    "'HH:MI:SS p.m.'",
    "'A.D. bc AD'",
    "'YYY YY Y Y,YYY'",
    "'IYY IY I IDDD'",
    "'FMYYYY-FMMM-FMDD'",
    "'FMHH24:FMMI:FMSS'",
    "'DDTH FMDDTH HH24th'",
    "'\"quoted YYYY\" \\\\YYYY'",
    "'RM rm FMRM'",
    "''",
    "NULL",
    "'TZ tz TZH:TZM OF'",
    "'FF1 FF3 FF6'",
    "'yyyy-mm-dd hh24:mi'",
    "'é YYYY 日'",
    "'YYYYMMDD\"T\"HH24MISS'",
    "'FMDay, DD'",
    "'am PM a.m. P.M.'",
];

const TIME: &[&str] = &[
    "a_tim",
    "b_tim",
    "a_day",
    "b_day",
    "a_tim::timestamp",
    "NULL",
    "TIMESTAMPTZ '2024-03-31 01:30:00.123456+02'",
    "TIMESTAMP '2023-12-31 23:59:59.999999'",
    "DATE '2020-12-31'",
    "'2024-01-01'",
    "a_txt",
];

const SPAN: &[&str] = &[
    "INTERVAL '1 day'",
    "INTERVAL '1 month'",
    "INTERVAL '-1 year 2 days 03:04:05.678'",
    "INTERVAL '1.5 months'",
    "INTERVAL '90 minutes ago'",
    "'2 weeks'::interval",
    "INTERVAL '3' DAY",
    "INTERVAL '0.1 second'",
    "INTERVAL '100000 years'",
    "(a_tim - b_tim)",
    "NULL::interval",
    "INTERVAL '1 year 11 mons 29 days 23:59:59.999999'",
];

const UNIT: &[&str] = &[
    "'microseconds'",
    "'milliseconds'",
    "'second'",
    "'minute'",
    "'hour'",
    "'day'",
    "'week'",
    "'month'",
    "'quarter'",
    "'year'",
    "'decade'",
    "'century'",
    "'millennium'",
    "'Y'",
    "'mons'",
    "'dow'",
    "'foo'",
    "NULL",
    "a_txt",
    "'timezone'",
];

const FIELD: &[&str] = &[
    "microseconds",
    "milliseconds",
    "second",
    "minute",
    "hour",
    "day",
    "week",
    "month",
    "quarter",
    "year",
    "decade",
    "century",
    "millennium",
    "epoch",
    "dow",
    "isodow",
    "doy",
    "isoyear",
    "julian",
    "timezone",
    "timezone_hour",
    "foo",
];

const FACTOR: &[&str] = &["2", "0.5", "-1", "a_int", "a_dbl", "b_num", "0", "NULL", "'3'", "1.7"];

const NAMES: &[&str] = &[
    "a_txt",
    "'user'",
    "'left'",
    "'interval'",
    "'day'",
    "'aB'",
    "'a b'",
    "'a\"b'",
    "'_x1'",
    "'1x'",
    "''",
    "'values'",
];

const FORMATS: &[&str] = &[
    "'%s'",
    "'%s-%s'",
    "'%I %L'",
    "'%L|%s'",
    "'%%'",
    "'%1$s %1$s'",
    "'%2$s %1$s'",
    "'[%10s]'",
    "'[%-10s]'",
    "'[%1$-7s]'",
    "'%*s'",
    "'%2$*1$s'",
    "'%'",
    "'%5'",
    "'%y'",
    "'%0$s'",
    "'%3$s'",
    "'%1s$'",
    "'a%-*s|'",
    "a_txt",
    "'%s' || b_txt",
    "NULL",
];

/// The calls in the order of `CALLS`.
pub(crate) fn expressions(seed: u64) -> Vec<String> {
    let mut random = Random::new(seed ^ 0x5eed);
    let mut all = Vec::new();
    for (template, arguments) in CALLS {
        let total: usize = arguments.iter().map(|choices| choices.len()).product();
        let numbers: Vec<usize> = if total <= CALLS_MAX {
            (0..total).collect()
        } else {
            (0..CALLS_MAX).map(|_| random.below(total)).collect()
        };
        all.extend(numbers.into_iter().map(|number| filled(template, arguments, number)));
    }
    all
}

/// The template with the combination of this number.
fn filled(template: &str, arguments: &[&[&str]], mut number: usize) -> String {
    let mut parts = template.split('#');
    let mut text = parts.next().unwrap().to_owned();
    for (part, choices) in parts.zip(arguments) {
        text.push_str(choices[number % choices.len()]);
        number /= choices.len();
        text.push_str(part);
    }
    text
}
