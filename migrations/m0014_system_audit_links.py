"""The audit log is told who links an account with one of a provider, and who unlinks it.

Every name in the SQL is qualified, so that no search_path can change what it means.
"""

from typing import Final

from holdfast.db.script import MigrationManager, script

ID = "0014_system_audit_links"
VERSION = "1.38.0"
DESCRIPTION = "Links to other accounts in the audit log"

FUNCTION: Final = """
-- On _externalAuths, for each row. Who it was stands in the setting holdfast.context, or it came by SQL. What goes
-- along with an account that is gone is no entry: the account is not there to be told of.
CREATE FUNCTION holdfast.audit_link() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
AS $$
DECLARE
    said text := nullif(current_setting('holdfast.context', true), '');
    context jsonb := '{}';
    found text := CASE TG_OP WHEN 'INSERT' THEN 'auth.oauth2_linked' ELSE 'auth.oauth2_unlinked' END;
    held jsonb := CASE TG_OP WHEN 'INSERT' THEN to_jsonb(NEW) ELSE to_jsonb(OLD) END;
    collection text := (SELECT c.name FROM holdfast.collections AS c WHERE c.id = held ->> 'collectionRef');
    is_there boolean := false;
BEGIN
    IF collection IS NOT NULL THEN
        EXECUTE format('SELECT EXISTS (SELECT FROM public.%I WHERE id = $1)', collection)
            INTO is_there USING held ->> 'recordRef';
    END IF;
    IF NOT is_there OR current_setting('holdfast.quiet', true) = 'on' THEN
        RETURN NULL;
    END IF;
    BEGIN
        context := coalesce(said::jsonb, '{}');
    EXCEPTION WHEN others THEN
        NULL; -- somebody has set it to something of their own
    END;
    INSERT INTO holdfast.audit (action, actor_kind, actor_collection, actor_id, actor_name, actor_key,
        target_kind, target_id, target_name, request, address, details)
    SELECT found,
        CASE WHEN said IS NULL THEN 'sql' ELSE coalesce(context #>> '{actor,kind}', 'guest') END,
        coalesce(context #>> '{actor,collection}', ''), coalesce(context #>> '{actor,id}', ''),
        coalesce(context #>> '{actor,name}', ''), coalesce(context #>> '{actor,key}', ''),
        CASE WHEN collection = '_superusers' THEN 'superuser' ELSE 'user' END, held ->> 'recordRef', collection,
        coalesce(context ->> 'request', ''), coalesce(context ->> 'address', ''),
        json_build_object('provider', held -> 'provider')::text;
    INSERT INTO holdfast.outbox (type, record, context)
    VALUES (found, json_build_object('collection', collection, 'id', held -> 'recordRef', 'provider',
        held -> 'provider')::text, said);
    RETURN NULL;
END $$;

-- A new database has no such collection yet: it gets its trigger from the server.
DO $$ BEGIN
    IF to_regclass('public."_externalAuths"') IS NOT NULL THEN
        CREATE TRIGGER hf_audit_link AFTER INSERT OR DELETE ON public."_externalAuths"
            FOR EACH ROW EXECUTE FUNCTION holdfast.audit_link();
    END IF;
END $$;
"""

BACKWARDS: Final = """
DROP FUNCTION holdfast.audit_link() CASCADE;
"""


async def forwards() -> MigrationManager:
    """What to run, in both directions; Piccolo calls this."""
    return script(ID, DESCRIPTION, forwards=(FUNCTION,), backwards=(BACKWARDS,))
