// supabase-js and postgrest-js, as a front-end uses them.
import assert from "node:assert/strict";
import { createRequire } from "node:module";

const require = createRequire(`${process.env.PREJOIN_CLIENTS}/package.json`);
const { createClient } = require("@supabase/supabase-js");
const { PostgrestClient } = require("@supabase/postgrest-js");

const url = process.env.PREJOIN_URL;
let checks = 0;

async function rows(query, expected) {
  const { data, error } = await query;
  assert.equal(error, null);
  assert.deepEqual(data, expected);
  checks += 1;
}

async function ids(query, expected) {
  await rows(query, expected.map((id) => ({ id })));
}

async function refused(query, status, code) {
  const answer = await query;
  assert.equal(answer.data, null);
  assert.deepEqual([answer.status, answer.error.code], [status, code]);
  assert.equal(typeof answer.error.message, "string");
  checks += 1;
}

async function all(client) {
  const things = (columns = "id") => client.from("things").select(columns);
  const orders = (columns = "order_id") => client.from("orders").select(columns);

  // Filters.
  await ids(things().eq("t", "apple"), ["a"]);
  await ids(things().neq("i", 2).lt("i", 100).order("id"), ["a", "e", "f", "g"]);
  await ids(things().gt("i", 2).order("id"), ["d", "g"]);
  await ids(things().gte("i", 2).lte("i", 3).order("id"), ["b", "g", "h"]);
  await ids(things().like("t", "%pp%").order("id"), ["a", "b"]);
  await ids(things().ilike("t", "APPLE").order("id"), ["a", "b"]);
  await ids(things().likeAnyOf("t", ["app%", "App%"]).order("id"), ["a", "b"]);
  await ids(things().likeAllOf("t", ["a%", "%e"]), ["a"]);
  await ids(things().ilikeAnyOf("t", ["APP%"]).order("id"), ["a", "b"]);
  await ids(things().is("t", null), ["c"]);
  await ids(things().is("b", true).order("id"), ["a", "d", "f"]);
  await ids(things().in("t", ["apple", "a,b(c)", "pear"]), ["a"]);
  await ids(things().in("i", [1, 3]).order("id"), ["a", "g"]);
  await ids(things().not("i", "in", "(1,2,3)").order("id"), ["d", "e", "f"]);
  await ids(things().contains("tags", ["apple"]), ["a"]);
  await ids(things().containedBy("tags", ["apple", "a", "b", "Apple"]).order("id"), ["a", "b"]);
  await ids(things().overlaps("tags", ["apple", "b"]).order("id"), ["a", "b"]);
  await ids(things().contains("j", { k: "v" }), ["a"]);
  await ids(things().eq("j->>k", "w"), ["b"]);
  await ids(things().or("i.eq.1,and(i.eq.2,b.is.false)").order("id"), ["a", "b"]);
  await ids(things().match({ i: 2, b: false }), ["b"]);
  await ids(things().filter("i", "in", "(1,3)").order("id"), ["a", "g"]);

  // What is selected.
  await rows(things("id,name:t").eq("id", "a"), [{ id: "a", name: "apple" }]);
  await rows(things("id,j->list->0,at").eq("id", "a"), [{ id: "a", list: 1, at: "2024-02-29T23:59:59.999999+00:00" }]);
  await rows(things("i::text").eq("id", "a"), [{ i: "1" }]);
  await rows(orders("status,count()").order("status"), [
    { status: "cancelled", count: 8 },
    { status: "paid", count: 15 },
    { status: "placed", count: 8 },
    { status: "shipped", count: 8 },
    { status: null, count: 1 },
  ]);

  // Order, ranges, counts.
  await ids(things().order("d", { ascending: false, nullsFirst: false }).limit(2), ["f", "g"]);
  await ids(things().order("i", { nullsFirst: true }).order("id").limit(3), ["c", "e", "f"]);
  await ids(things().order("id").range(2, 4), ["c", "d", "e"]);
  const counted = await client.from("orders").select("order_id", { count: "exact" }).order("order_id").range(0, 1);
  assert.deepEqual([counted.status, counted.count, counted.data.length], [206, 40, 2]);
  const head = await client.from("orders").select("*", { count: "exact", head: true });
  assert.deepEqual([head.status, head.count, head.data], [200, 40, null]);
  checks += 2;

  // One row, or at most one.
  await rows(things().eq("id", "a").single(), { id: "a" });
  await rows(things().eq("id", "a").maybeSingle(), { id: "a" });
  await rows(things().eq("id", "zzz").maybeSingle(), null);
  await refused(things().eq("id", "zzz").single(), 406, "PGRST116");
  await refused(things().eq("i", 2).single(), 406, "PGRST116");

  // Other forms.
  await rows(things("id,t").in("id", ["a", "c"]).order("id").csv(), "id,t\na,apple\nc,");

  // Errors.
  await refused(things("nothing_of_that_name"), 400, "42703");
  await refused(client.from("nowhere").select(), 404, "PGRST205");
  await refused(things().eq("i", "x"), 400, "22P02");
  await refused(things().like("i", "1%"), 404, "42883");
  await refused(client.from("things").select("id,users(name)"), 400, "PGRST200");
  await refused(client.from("things").insert({ id: "new" }), 405, "PGRST117");
  await refused(client.from("things").delete().eq("id", "a"), 405, "PGRST117");
}

await all(new PostgrestClient(`${url}/rest/v1`));
// A web socket of its own is what it wants in Node.js before 22, although nothing here opens one.
const options = { auth: { persistSession: false }, realtime: { transport: class {} } };
await all(createClient(url, "a-key-that-nobody-checks", options));
assert.ok(checks > 80, `${checks} checks`);
console.log(`${checks} checks`);
process.exit(0);
