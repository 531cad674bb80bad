"""The audit log, which nobody can change, and the trigger that writes down what happens to accounts.

Every name in the SQL is qualified, so that no search_path can change what it means.
"""

from typing import Final

from holdfast.db.script import MigrationManager, script

ID = "0012_system_audit"
VERSION = "1.38.0"
DESCRIPTION = "The audit log"

TABLE: Final = """
-- JSON is kept as text, as in the event log.
CREATE TABLE holdfast.audit (
    id               bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at               timestamptz NOT NULL DEFAULT clock_timestamp(),
    action           text        NOT NULL, -- collection.updated
    outcome          text        NOT NULL DEFAULT 'success' CHECK (outcome IN ('success', 'failure')),
    reason           text        NOT NULL DEFAULT '', -- of a failure
    actor_kind       text        NOT NULL, -- superuser, user, key, guest, cli, server; sql for what comes by psql
    actor_collection text        NOT NULL DEFAULT '',
    actor_id         text        NOT NULL DEFAULT '',
    actor_name       text        NOT NULL DEFAULT '',
    actor_key        text        NOT NULL DEFAULT '',
    target_kind      text        NOT NULL,
    target_id        text        NOT NULL DEFAULT '',
    target_name      text        NOT NULL DEFAULT '',
    request          text        NOT NULL DEFAULT '',
    address          text        NOT NULL DEFAULT '',
    details          text,
    before           text,
    after            text
);
CREATE INDEX audit_at ON holdfast.audit (at);
CREATE INDEX audit_action ON holdfast.audit (action, id);
CREATE INDEX audit_actor ON holdfast.audit (actor_id, id) WHERE actor_id <> '';
CREATE INDEX audit_target ON holdfast.audit (target_id, id) WHERE target_id <> '';
"""

KEEPING: Final = """
-- Entries stay as they were written. Only the clearing away of old ones, which says how old they are, may delete them.
CREATE FUNCTION holdfast.audit_stays() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog
AS $$
DECLARE
    days integer := greatest(1, nullif(current_setting('holdfast.audit_days', true), '')::integer);
BEGIN
    IF TG_OP = 'DELETE' AND nullif(current_setting('holdfast.audit_days', true), '') IS NOT NULL THEN
        IF OLD.at < now() - make_interval(days => days) THEN
            RETURN OLD;
        END IF;
    END IF;
    RAISE EXCEPTION 'the audit log can only be added to' USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE TRIGGER hf_stays BEFORE UPDATE OR DELETE ON holdfast.audit
    FOR EACH ROW EXECUTE FUNCTION holdfast.audit_stays();
CREATE TRIGGER hf_stays_whole BEFORE TRUNCATE ON holdfast.audit
    FOR EACH STATEMENT EXECUTE FUNCTION holdfast.audit_stays();
ALTER TABLE holdfast.audit ENABLE ALWAYS TRIGGER hf_stays;
ALTER TABLE holdfast.audit ENABLE ALWAYS TRIGGER hf_stays_whole;
"""

ACCOUNTS: Final = """
-- On auth collections, for each row: an account gets another password, email or other roles, whoever changes it; and a
-- superuser comes or goes. Who it was stands in the setting holdfast.context, or it came by SQL. With holdfast.quiet
-- nothing is written: a hash is made anew for the same password, or a role got another name for everybody.
-- Arguments: the id of the collection, and what its accounts are: user or superuser.
CREATE FUNCTION holdfast.audit_account() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
AS $$
DECLARE
    said text := nullif(current_setting('holdfast.context', true), '');
    context jsonb := '{}';
    old_row jsonb := CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD) ELSE '{}' END;
    new_row jsonb := CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(NEW) ELSE '{}' END;
    found text;
    part text;
BEGIN
    IF current_setting('holdfast.quiet', true) = 'on' THEN
        RETURN NULL;
    END IF;
    BEGIN
        context := coalesce(said::jsonb, '{}');
    EXCEPTION WHEN others THEN
        NULL; -- somebody has set it to something of their own
    END;
    FOREACH found IN ARRAY CASE TG_OP
        WHEN 'INSERT' THEN ARRAY['superuser.created']
        WHEN 'DELETE' THEN ARRAY['superuser.deleted']
        ELSE ARRAY['auth.password_changed', 'auth.email_changed', 'auth.roles_changed'] END
    LOOP
        part := substring(found FROM 'auth\\.(.*)_changed');
        CONTINUE WHEN part IS NOT NULL AND old_row -> part IS NOT DISTINCT FROM new_row -> part;
        -- Only a system field holds roles: the name can be that of an operator's own, too.
        CONTINUE WHEN part = 'roles' AND TG_ARGV[2] = '';
        INSERT INTO holdfast.audit (action, actor_kind, actor_collection, actor_id, actor_name, actor_key,
            target_kind, target_id, target_name, request, address, before, after)
        SELECT found,
            CASE WHEN said IS NULL THEN 'sql' ELSE coalesce(context #>> '{actor,kind}', 'guest') END,
            coalesce(context #>> '{actor,collection}', ''), coalesce(context #>> '{actor,id}', ''),
            coalesce(context #>> '{actor,name}', ''), coalesce(context #>> '{actor,key}', ''),
            TG_ARGV[1], coalesce(new_row ->> 'id', old_row ->> 'id'), TG_TABLE_NAME,
            coalesce(context ->> 'request', ''), coalesce(context ->> 'address', ''),
            CASE WHEN part IN ('email', 'roles') THEN json_build_object(part, old_row -> part)::text
                WHEN TG_OP = 'DELETE' THEN json_build_object('email', old_row -> 'email')::text END,
            CASE WHEN part IN ('email', 'roles') THEN json_build_object(part, new_row -> part)::text
                WHEN TG_OP = 'INSERT' THEN json_build_object('email', new_row -> 'email')::text END;
        IF part IS NOT NULL THEN
            INSERT INTO holdfast.outbox (type, record, context)
            VALUES (found, json_build_object('collection', TG_TABLE_NAME, 'id', new_row ->> 'id')::text, said);
        END IF;
    END LOOP;
    RETURN NULL;
END $$;

-- Collections that are made later get theirs from the server.
DO $$ DECLARE
    one record;
    has_roles boolean;
    condition text;
BEGIN
    FOR one IN SELECT c.id, c.name, c.definition FROM holdfast.collections AS c WHERE c.type = 'auth' LOOP
        has_roles := EXISTS (SELECT FROM jsonb_array_elements(one.definition -> 'fields') AS field
            WHERE field ->> 'name' = 'roles' AND (field ->> 'system')::boolean);
        condition := 'OLD."password" IS DISTINCT FROM NEW."password" OR OLD."email" IS DISTINCT FROM NEW."email"'
            || CASE WHEN has_roles THEN ' OR OLD."roles" IS DISTINCT FROM NEW."roles"' ELSE '' END;
        EXECUTE format('CREATE TRIGGER hf_audit AFTER UPDATE ON public.%I FOR EACH ROW WHEN (%s)'
            ' EXECUTE FUNCTION holdfast.audit_account(%L, %L, %L)', one.name, condition, one.id,
            CASE WHEN one.name = '_superusers' THEN 'superuser' ELSE 'user' END,
            CASE WHEN has_roles THEN 'roles' ELSE '' END);
        IF one.name = '_superusers' THEN
            EXECUTE format('CREATE TRIGGER hf_audit_made AFTER INSERT OR DELETE ON public.%I FOR EACH ROW'
                ' EXECUTE FUNCTION holdfast.audit_account(%L, %L, %L)', one.name, one.id, 'superuser', '');
        END IF;
    END LOOP;
END $$;
"""

BACKWARDS: Final = """
DROP FUNCTION holdfast.audit_account() CASCADE;
DROP TABLE holdfast.audit;
DROP FUNCTION holdfast.audit_stays();
"""


async def forwards() -> MigrationManager:
    """What to run, in both directions; Piccolo calls this."""
    return script(ID, DESCRIPTION, forwards=(TABLE, KEEPING, ACCOUNTS), backwards=(BACKWARDS,))
