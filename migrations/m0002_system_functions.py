"""The functions that our SQL calls: how values go out, and how one type of value becomes another.

Every name in the SQL is qualified, so that no search_path can change what it means.
"""

from typing import Final

from holdfast.db.script import MigrationManager, script

ID = "0002_system_functions"
VERSION = "1.38.0"
DESCRIPTION = "The functions that our SQL calls"

FORMATS: Final = """
-- A date as the API writes it. STABLE and without SET, because only then does PostgreSQL inline it: 0.4 us a row
-- instead of 3.2 us (500,000 rows, version 18). to_char gives null for infinity and leaves out that a year is before
-- Christ: only psql can have written either.
CREATE FUNCTION holdfast.stamp(at timestamptz) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN CASE WHEN at >= '0001-01-01 00:00:00+00'::timestamptz
    THEN coalesce(to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.MS"Z"'), at::text)
    ELSE coalesce(to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.MS"Z" BC'), at::text, '') END;

-- What the full-text index of a collection is made from. PostgreSQL refuses a tsvector over 1 MB, and a row must
-- not be refused for being long: 100,000 characters stay under that (the worst that was found makes 967 kB).
CREATE FUNCTION holdfast.search_text(VARIADIC texts text[]) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog
AS $$ BEGIN
    -- These signs stand between words, whatever PostgreSQL's parser makes of them (St.Gallen a host, Villa/Roma a
    -- file, +49 a number, ada@example.com one word); the / of a closing tag stays. A search treats its words alike.
    RETURN left(replace(translate(replace(array_to_string(texts, ' '), '</', '<|'), '/.@+-', '     '), '<|', '</'),
        100000);
END $$;

-- Plain text of at most `most` characters out of HTML. Blocks become spaces, and what nobody reads is left out.
-- Only as much is read as can matter, and each piece from one `<` to the next but once: no text makes this slow.
CREATE FUNCTION holdfast.excerpt(html text, most integer, ellipsis boolean) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT SET search_path = pg_catalog
AS $$
DECLARE
    pieces text[] := string_to_array(
        regexp_replace(left(html, 20000 + 8 * least(most, 1000000)), '<!--.*?(?:-->|$)', ' ', 'g'), '<');
    kept text[] := pieces[1:1];
    hidden text;
    plain text;
BEGIN
    FOR at IN 2 .. cardinality(pieces) LOOP
        IF hidden IS NULL THEN
            hidden := substring(pieces[at] FROM '(?i)^(head|style|script|iframe|applet|object|svg|picture|dialog'
                '|template|button|form|textarea|select|option)\\M');
            IF hidden IS NULL THEN
                kept := kept || ('<' || pieces[at]);
            END IF;
        ELSIF pieces[at] ~* ('^/' || hidden || '\\M[^>]*>') THEN
            hidden := NULL;
            kept := kept || substr(pieces[at], strpos(pieces[at], '>') + 1);
        END IF;
    END LOOP;
    plain := regexp_replace(array_to_string(kept, ''), '</?(?:a|abbr|acronym|b|bdo|big|cite|code|em|embed|i|img|input'
        '|label|q|small|span|strong|strike|sub|sup|time|u)(?:\\s[^<>]*)?/?>', '', 'gi');
    plain := regexp_replace(plain, '</?[a-zA-Z][^<>]*>', ' ', 'g');
    plain := replace(replace(replace(replace(replace(replace(plain, '&nbsp;', ' '), '&lt;', '<'), '&gt;', '>'),
        '&quot;', '"'), '&#39;', ''''), '&amp;', '&');
    plain := btrim(regexp_replace(plain, '\\s+', ' ', 'g'));
    IF length(plain) <= most THEN
        RETURN plain;
    END IF;
    RETURN btrim(left(plain, most)) || CASE WHEN ellipsis THEN '...' ELSE '' END;
END $$;

-- The wanted parts of a value: of an object some keys, of a list the same of each item. `wanted` is an object of
-- key to true (all of it) or to an object of the same kind; the key * stands for those not named.
CREATE FUNCTION holdfast.pick(value jsonb, wanted jsonb) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT SET search_path = pg_catalog
AS $$ BEGIN
    IF jsonb_typeof(value) = 'array' THEN
        RETURN (SELECT coalesce(jsonb_agg(holdfast.pick(item, wanted) ORDER BY at), '[]')
            FROM jsonb_array_elements(value) WITH ORDINALITY AS listed(item, at));
    ELSIF jsonb_typeof(value) = 'object' THEN
        RETURN (SELECT coalesce(jsonb_object_agg(key, CASE WHEN jsonb_typeof(wanted -> key) = 'object'
                THEN holdfast.pick(part, wanted -> key) ELSE part END), '{}')
            FROM jsonb_each(value) AS each(key, part) WHERE wanted ? key OR wanted ? '*');
    END IF;
    RETURN value;
END $$;
"""

CASTS: Final = """
-- A number, or null for what is none. No exception is caught here, since that costs a subtransaction for each row
-- and cannot run in parallel: numeric takes all that the pattern lets through, and then the size decides.
CREATE FUNCTION holdfast.try_number(value text) RETURNS double precision
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT SET search_path = pg_catalog
AS $$
DECLARE
    exact numeric;
BEGIN
    IF length(value) > 1000 OR value !~ '^[ \\t\\r\\n]*[+-]?(?:[0-9]+\\.?[0-9]*|\\.[0-9]+)'
        '(?:[eE][+-]?[0-9]{1,4})?[ \\t\\r\\n]*$' THEN
        RETURN NULL;
    END IF;
    exact := value::numeric;
    IF abs(exact) > 1.7976931348623157e308 THEN
        RETURN NULL;
    END IF;
    IF abs(exact) < 1e-307 THEN
        RETURN 0;
    END IF;
    RETURN exact::double precision;
END $$;

-- A date (2026-11-20, with or without time and offset, ISO 8601 or with a space), or null for what is none.
-- Without an offset it is UTC. The same everywhere, since no setting of the session takes part.
CREATE FUNCTION holdfast.try_timestamp(value text) RETURNS timestamptz
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT SET search_path = pg_catalog
AS $$
DECLARE
    part text[] := regexp_match(value, '^\\s*([0-9]{4})-([0-9]{2})-([0-9]{2})'
        '(?:[Tt ]([0-9]{2}):([0-9]{2})(?::([0-9]{2}(?:[.,][0-9]{1,9})?))?\\s?'
        '(?:[Zz]|([+-])([0-9]{2}):?([0-9]{2})?)?)?\\s*$');
    year integer := part[1]::integer;
    month integer := part[2]::integer;
    day integer := part[3]::integer;
    hour integer := coalesce(part[4]::integer, 0);
    minute integer := coalesce(part[5]::integer, 0);
    second double precision := coalesce(replace(part[6], ',', '.')::double precision, 0);
    away integer := coalesce(part[8]::integer * 60, 0) + coalesce(part[9]::integer, 0);
BEGIN
    IF part IS NULL OR year < 1 OR month NOT BETWEEN 1 AND 12 OR day < 1 OR hour > 23 OR minute > 59 OR second >= 60
        OR away > 15 * 60 + 59 THEN
        RETURN NULL;
    END IF;
    IF day > extract(day FROM make_date(year, month, 1) + interval '1 month - 1 day') THEN
        RETURN NULL;
    END IF;
    RETURN (make_timestamp(year, month, day, hour, minute, second)
        - make_interval(mins => CASE WHEN part[7] = '-' THEN -away ELSE away END)) AT TIME ZONE 'UTC';
END $$;
"""

CONVERSIONS: Final = """
-- What the conversions of a changed field call. Each gives null for what it cannot read, and never raises: a change
-- of type must not fail on one row among a million.

-- A number with exactly `scale` digits after the point, or null for what is none or has too many before it.
CREATE FUNCTION holdfast.try_decimal(value text, digits integer, scale integer) RETURNS numeric
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT SET search_path = pg_catalog
AS $$
DECLARE
    exact numeric;
BEGIN
    IF length(value) > 2000 OR value !~ '^[ \\t\\r\\n]*[+-]?(?:[0-9]+\\.?[0-9]*|\\.[0-9]+)'
        '(?:[eE][+-]?[0-9]{1,4})?[ \\t\\r\\n]*$' THEN
        RETURN NULL;
    END IF;
    exact := round(value::numeric, scale);
    RETURN CASE WHEN abs(exact) < 10::numeric ^ (digits - scale) THEN exact END;
END $$;

-- A whole number that every reader of JSON understands, or null.
CREATE FUNCTION holdfast.try_whole(value double precision) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN value BETWEEN -9007199254740991 AND 9007199254740991 THEN round(value)::bigint END;

CREATE FUNCTION holdfast.try_bool(value text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN lower(btrim(value)) IN ('true', 't', '1', 'yes', 'y', 'on') THEN true
            WHEN lower(btrim(value)) IN ('false', 'f', '0', 'no', 'n', 'off', '') THEN false END;

-- Seconds since 1970 and back; null for infinity and for years outside 1 to 9999.
CREATE FUNCTION holdfast.seconds(at timestamptz) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN isfinite(at) THEN extract(epoch FROM at)::double precision END;

CREATE FUNCTION holdfast.try_moment(seconds double precision) RETURNS timestamptz
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN seconds BETWEEN -62135596800 AND 253402300799 AND seconds <> 0 THEN to_timestamp(seconds) END;

-- JSON, or null for what is none. The pattern saves the exception, which costs a subtransaction, for plain words.
CREATE FUNCTION holdfast.try_json(value text) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE STRICT SET search_path = pg_catalog
AS $$ BEGIN
    IF value !~ '^\\s*(?:[\\[{"]|-?\\d|true\\s*$|false\\s*$|null\\s*$)' THEN
        RETURN NULL;
    END IF;
    RETURN value::jsonb;
EXCEPTION WHEN data_exception OR program_limit_exceeded OR statement_too_complex THEN
    RETURN NULL;
END $$;

-- The text of a JSON value: a string is its characters, everything else is JSON.
CREATE FUNCTION holdfast.json_words(value jsonb) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE jsonb_typeof(value) WHEN 'string' THEN value #>> '{}' WHEN 'null' THEN NULL ELSE value::text END;

-- A list as text: nothing for none, the value itself for one, JSON for more and for what could be taken for JSON.
CREATE FUNCTION holdfast.list_words(items text[]) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN cardinality(items) = 0 THEN ''
            WHEN cardinality(items) = 1 AND items[1] <> '' AND left(ltrim(items[1]), 1) <> '[' THEN items[1]
            ELSE to_jsonb(items)::text END;

-- And back. The items of a JSON array that are no strings become their JSON.
CREATE FUNCTION holdfast.json_list(value jsonb) RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN value IS NULL OR jsonb_typeof(value) = 'null' THEN '{}'
            WHEN jsonb_typeof(value) = 'array'
                THEN ARRAY(SELECT coalesce(holdfast.json_words(item.value), 'null')
                             FROM jsonb_array_elements(value) WITH ORDINALITY AS item (value, place) ORDER BY place)
            ELSE ARRAY[holdfast.json_words(value)] END;

CREATE FUNCTION holdfast.words_list(value text) RETURNS text[]
LANGUAGE sql IMMUTABLE
RETURN CASE WHEN value IS NULL OR value = '' THEN '{}'
            WHEN left(ltrim(value), 1) = '[' AND jsonb_typeof(holdfast.try_json(value)) = 'array'
                THEN holdfast.json_list(holdfast.try_json(value))
            ELSE ARRAY[value] END;

-- {"lon":12.5,"lat":41.9} and back; null for anything else and for places that are not on the earth.
CREATE FUNCTION holdfast.try_point(value jsonb) RETURNS point
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN jsonb_typeof(value -> 'lon') = 'number' AND jsonb_typeof(value -> 'lat') = 'number'
             AND abs((value ->> 'lon')::numeric) <= 180 AND abs((value ->> 'lat')::numeric) <= 90
            THEN point(holdfast.try_number(value ->> 'lon'), holdfast.try_number(value ->> 'lat')) END;

CREATE FUNCTION holdfast.point_json(value point) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN value IS NOT NULL THEN jsonb_build_object('lon', value[0], 'lat', value[1]) END;

-- `size` numbers in brackets, as pgvector reads them, or null. Its type may not be installed, so this gives text.
CREATE FUNCTION holdfast.try_vector(value text, size integer) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT SET search_path = pg_catalog
AS $$
DECLARE
    items text[] := holdfast.words_list(value);
    item text;
BEGIN
    IF cardinality(items) <> size THEN
        RETURN NULL;
    END IF;
    FOREACH item IN ARRAY items LOOP
        IF holdfast.try_number(item) IS NULL OR abs(holdfast.try_number(item)) > 3.4e38 THEN
            RETURN NULL;
        END IF;
    END LOOP;
    RETURN '[' || array_to_string(ARRAY(SELECT holdfast.try_number(one) FROM unnest(items) AS one), ',') || ']';
END $$;
"""

# What hangs on them in the tables of the collections (full-text indexes) goes with them.
BACKWARDS: Final = """
DROP FUNCTION holdfast.try_vector(text, integer), holdfast.point_json(point), holdfast.try_point(jsonb),
    holdfast.words_list(text), holdfast.json_list(jsonb), holdfast.list_words(text[]), holdfast.json_words(jsonb),
    holdfast.try_json(text), holdfast.try_moment(double precision), holdfast.seconds(timestamptz),
    holdfast.try_bool(text), holdfast.try_whole(double precision),
    holdfast.try_decimal(text, integer, integer), holdfast.try_timestamp(text),
    holdfast.pick(jsonb, jsonb), holdfast.try_number(text), holdfast.excerpt(text, integer, boolean),
    holdfast.search_text(text[]), holdfast.stamp(timestamptz) CASCADE;
"""


async def forwards() -> MigrationManager:
    """What to run, in both directions; Piccolo calls this."""
    return script(ID, DESCRIPTION, forwards=(FORMATS, CASTS, CONVERSIONS), backwards=(BACKWARDS,))
