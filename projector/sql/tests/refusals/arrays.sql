CREATE MATERIALIZED VIEW v AS SELECT ARRAY[] AS x FROM samples
--! 1:49: cannot determine type of empty array
--!   help: write its type: '{}'::text[]

CREATE MATERIALIZED VIEW v AS SELECT ARRAY[1, 'x'::text] AS x FROM samples
--! 1:44: ARRAY types integer and text cannot be matched
--!   help: cast them to one type, for example …::text

CREATE MATERIALIZED VIEW v AS SELECT ARRAY[ARRAY[1], ARRAY[2]] AS x FROM samples
--! 1:50: an array of arrays is not supported: arrays have one dimension
--!   help: write jsonb_agg(…) or jsonb_build_array(…)

CREATE MATERIALIZED VIEW v AS SELECT ARRAY[INTERVAL '1 day'] AS x FROM samples
--! 1:53: an array of interval is not supported
--!   help: cast the elements, for example to text: …::text

CREATE MATERIALIZED VIEW v AS SELECT '{{a}}'::text[] AS x FROM samples
--! 1:38: an array of several dimensions is not supported: "{{a}}"
--!   help: write a literal of type text[], or cast the other side to text

CREATE MATERIALIZED VIEW v AS SELECT '[0:1]={a,b}'::text[] AS x FROM samples
--! 1:38: an array with bounds is not supported: "[0:1]={a,b}"
--!   help: write a literal of type text[], or cast the other side to text

CREATE MATERIALIZED VIEW v AS SELECT '{a'::text[] AS x FROM samples
--! 1:38: malformed array literal: "{a"
--!   help: write a literal of type text[], or cast the other side to text

CREATE MATERIALIZED VIEW v AS SELECT words::text[] AS x FROM samples
--! 1:38: a cast of text to text[] is not supported, but for literals
--!   help: let the contract make a table of the elements with each = "$.…", and aggregate that

CREATE MATERIALIZED VIEW v AS SELECT words::text[][] AS x FROM samples
--! 1:38: an array of several dimensions is not supported
--!   help: write one pair of brackets: text[]

CREATE MATERIALIZED VIEW v AS SELECT words::numeric(10, 2)[] AS x FROM samples
--! 1:38: an array of NUMERIC(10,2) is not supported
--!   help: write numeric[], and round the elements before

CREATE MATERIALIZED VIEW v AS SELECT doc::text[] AS x FROM samples
--! 1:38: cannot cast type jsonb to text[]
--!   help: write its elements: ARRAY[…, …]::text[]

CREATE MATERIALIZED VIEW v AS SELECT ARRAY[words]::jsonb AS x FROM samples
--! 1:44: cannot cast type text[] to jsonb
--!   help: write to_jsonb(…)

CREATE MATERIALIZED VIEW v AS SELECT ARRAY[words] = ARRAY[whole] AS x FROM samples
--! 1:44: operator does not exist: text[] = bigint[]
--!   help: cast one side, for example (ARRAY[whole])::text[]

CREATE MATERIALIZED VIEW v AS SELECT coalesce(ARRAY[whole], ARRAY[exact]) AS x FROM samples
--! 1:38: COALESCE with bigint[] and numeric[] is not supported
--!   help: cast one of them: …::bigint[]

CREATE MATERIALIZED VIEW v AS SELECT ARRAY[words] || words AS x FROM samples
--! 1:44: || with an array is not supported: arrays are not put together
--!   help: aggregate all elements at once with array_agg(…), or write array_to_string(…, ',')

CREATE MATERIALIZED VIEW v AS SELECT words || ARRAY[words] AS x FROM samples
--! 1:38: || with an array is not supported: arrays are not put together
--!   help: aggregate all elements at once with array_agg(…), or write array_to_string(…, ',')

CREATE MATERIALIZED VIEW v AS SELECT words ~ ANY (ARRAY['a']) AS x FROM samples
--! 1:38: ~ ANY or ALL over an array is not supported but for comparisons
--!   help: write = <> < <= > or >=, or one test for each element, joined with OR or AND

CREATE MATERIALIZED VIEW v AS SELECT words LIKE ANY (ARRAY['a']) AS x FROM samples
--! 1:38: LIKE ANY is not supported
--!   help: write one LIKE for each pattern, joined with OR

CREATE MATERIALIZED VIEW v AS SELECT words = ANY (whole) AS x FROM samples
--! 1:38: op ANY/ALL (array) requires array on right side
--!   help: write ARRAY[…], a column that is an array, or IN (…)

CREATE MATERIALIZED VIEW v AS SELECT whole = ANY (ARRAY['a']) AS x FROM samples
--! 1:38: operator does not exist: bigint = text
--!   help: cast the left side: whole::text

CREATE MATERIALIZED VIEW v AS SELECT ARRAY[words][1:2] AS x FROM samples
--! 1:44: a slice of an array, or an element of several dimensions, is not supported
--!   help: write one number: (…)[1]

CREATE MATERIALIZED VIEW v AS SELECT (ARRAY[words])[1][1] AS x FROM samples
--! 1:45: a slice of an array, or an element of several dimensions, is not supported
--!   help: write one number: (…)[1]

CREATE MATERIALIZED VIEW v AS SELECT (ARRAY[words])['a'::text] AS x FROM samples
--! 1:53: array subscript must have type integer
--!   help: write a number: (…)[1]

CREATE MATERIALIZED VIEW v AS SELECT words[1] AS x FROM samples
--! 1:38: cannot subscript type text because it does not support subscripting
--!   help: write split_part(…) for a part of a text, or ARRAY[…] for an array

CREATE MATERIALIZED VIEW v AS SELECT doc['a'] AS x FROM samples
--! 1:38: a subscript of jsonb is not supported
--!   help: write -> or ->> with the name or number

CREATE MATERIALIZED VIEW v AS SELECT array_append(ARRAY[words], 'a') AS x FROM samples
--! 1:38: the function array_append() is not supported
--!   help: aggregate what is wanted: array_agg(x ORDER BY x) FILTER (WHERE …), or change the array when the view is read

CREATE MATERIALIZED VIEW v AS SELECT string_to_array(words, ',') AS x FROM samples
--! 1:38: the function string_to_array() is not supported
--!   help: aggregate what is wanted: array_agg(x ORDER BY x) FILTER (WHERE …), or change the array when the view is read

CREATE MATERIALIZED VIEW v AS SELECT unnest(ARRAY[words]) AS x FROM samples
--! 1:38: unnest() gives several rows for one, which is not supported: a view has one row for each of its FROM table
--!   help: let the contract make a table of the elements with each = "$.…", and read that

CREATE MATERIALIZED VIEW v AS SELECT ARRAY(SELECT words FROM samples t WHERE t.id = samples.id) AS x FROM samples
--! 1:38: ARRAY of a subquery is not supported
--!   help: write coalesce((SELECT array_agg(x ORDER BY x) FROM …), '{}')

CREATE MATERIALIZED VIEW v AS SELECT array_length(ARRAY[words]) AS x FROM samples
--! 1:38: function array_length(text[]) does not exist
--!   help: write array_length(array, 1)

CREATE MATERIALIZED VIEW v AS SELECT array_to_string('{a,b}', ',') AS x FROM samples
--! 1:38: could not determine polymorphic type because input has type unknown
--!   help: cast the literal: '{a,b}'::text[]

CREATE MATERIALIZED VIEW v AS SELECT array_position(ARRAY[words], 1) AS x FROM samples
--! 1:38: function array_position(text[], integer) does not exist
--!   help: write array_position(array, element)

CREATE MATERIALIZED VIEW v AS SELECT array_position(ARRAY[words], 'a', 2) AS x FROM samples
--! 1:38: array_position with a place to begin at is not supported
--!   help: write array_position(array, value)

CREATE MATERIALIZED VIEW v AS SELECT cardinality(words) AS x FROM samples
--! 1:38: function cardinality(text) does not exist
--!   help: write cardinality(array)

CREATE MATERIALIZED VIEW v AS SELECT words && words AS x FROM samples
--! 1:38: the operator && is not supported yet
--!   help: use columns, literals, comparisons, CASE, CAST, and the operators and functions that docs/sql.md lists

CREATE MATERIALIZED VIEW v AS SELECT (SELECT array_agg(ARRAY[t.words]) FROM samples t WHERE t.id = samples.id) AS x FROM samples
--! 1:46: an array of arrays is not supported: arrays have one dimension
--!   help: write jsonb_agg(…) or jsonb_build_array(…)

CREATE MATERIALIZED VIEW v AS SELECT (SELECT array_agg(INTERVAL '1 day' * t.whole) FROM samples t WHERE t.id = samples.id) AS x FROM samples
--! 1:46: an array of interval is not supported
--!   help: cast the elements, for example to text: …::text

CREATE MATERIALIZED VIEW v AS SELECT (SELECT array_agg('x') FROM samples t WHERE t.id = samples.id) AS x FROM samples
--! 1:46: could not determine polymorphic type because input has type unknown
--!   help: give the literal a type with a cast

CREATE MATERIALIZED VIEW v AS SELECT (SELECT sum(ARRAY[t.whole]) FROM samples t WHERE t.id = samples.id) AS x FROM samples
--! 1:46: function sum(bigint[]) does not exist
--!   help: cast the argument to a type that it takes
