"""postgrest-py, as a Python program uses it."""

import os

from postgrest import CountMethod, SyncPostgrestClient
from postgrest.exceptions import APIError

client = SyncPostgrestClient(os.environ["PREJOIN_URL"] + "/rest/v1")
checks = 0


def things(columns="id"):
    return client.from_("things").select(columns)


def ids(query, expected):
    rows(query, [{"id": key} for key in expected])


def rows(query, expected):
    global checks
    found = query.execute().data
    assert found == expected, f"{found} instead of {expected}"
    checks += 1


def refused(query, code):
    global checks
    try:
        answer = query.execute()
    except APIError as error:
        assert error.code == code, f"{error.code} instead of {code}"
        checks += 1
    else:
        raise AssertionError(f"{answer} instead of {code}")


# Filters.
ids(things().eq("t", "apple"), ["a"])
ids(things().neq("i", 2).lt("i", 100).order("id"), ["a", "e", "f", "g"])
ids(things().gt("i", 2).order("id"), ["d", "g"])
ids(things().gte("i", 2).lte("i", 3).order("id"), ["b", "g", "h"])
ids(things().like("t", "%pp%").order("id"), ["a", "b"])
ids(things().ilike("t", "APPLE").order("id"), ["a", "b"])
ids(things().is_("t", "null"), ["c"])
ids(things().is_("b", True).order("id"), ["a", "d", "f"])
ids(things().in_("t", ["apple", "a,b", "pear"]), ["a"])
ids(things().in_("i", [1, 3]).order("id"), ["a", "g"])
ids(things().not_.in_("i", [1, 2, 3]).order("id"), ["d", "e", "f"])
ids(things().contains("tags", ["apple"]), ["a"])
ids(things().contained_by("tags", ["apple", "a", "b", "Apple"]).order("id"), ["a", "b"])
ids(things().overlaps("tags", ["apple", "b"]).order("id"), ["a", "b"])
ids(things().contains("j", {"k": "v"}), ["a"])
ids(things().eq("j->>k", "w"), ["b"])
ids(things().or_("i.eq.1,and(i.eq.2,b.is.false)").order("id"), ["a", "b"])
ids(things().match({"i": 2, "b": False}), ["b"])

# What is selected, in which order, how much of it.
rows(things("id,name:t").eq("id", "a"), [{"id": "a", "name": "apple"}])
rows(things("i::text").eq("id", "a"), [{"i": "1"}])
ids(things().order("id", desc=True).limit(2), ["h", "g"])
ids(things().order("i", nullsfirst=True).order("id").limit(3), ["c", "e", "f"])
ids(things().order("id").range(2, 4), ["c", "d", "e"])
counted = client.from_("orders").select("order_id", count=CountMethod.exact).limit(2).execute()
assert (counted.count, len(counted.data)) == (40, 2), counted
checks += 1

# One row, or at most one.
rows(things().eq("id", "a").single(), {"id": "a"})
rows(things().eq("id", "a").maybe_single(), {"id": "a"})
assert things().eq("id", "zzz").maybe_single().execute() is None
checks += 1
refused(things().eq("id", "zzz").single(), "PGRST116")
refused(things().eq("i", 2).single(), "PGRST116")
assert things("id,t").eq("id", "a").csv().execute().data == "id,t\na,apple"
checks += 1

# Errors.
refused(things("nothing_of_that_name"), "42703")
refused(client.from_("nowhere").select("*"), "PGRST205")
refused(things().eq("i", "x"), "22P02")
refused(things().like("i", "1%"), "42883")
refused(things("id,users(name)"), "PGRST200")
refused(client.from_("things").insert({"id": "new"}), "PGRST117")

assert checks > 30, checks
print(f"{checks} checks")
