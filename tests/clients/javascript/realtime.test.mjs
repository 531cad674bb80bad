// Realtime by PocketBase's official JavaScript client, and its login in a window of its own at a real OpenID provider
// (HOLDFAST_TEST_PROVIDER). Node 20 has no EventSource: this one is npm's. Run by test_javascript_realtime.py.

import assert from "node:assert/strict";
import { before, describe, test } from "node:test";

import { EventSource } from "eventsource";
import PocketBase, { ClientResponseError } from "pocketbase";

globalThis.EventSource = EventSource;

const {
    HOLDFAST_TEST_URL: url,
    HOLDFAST_TEST_EMAIL: email,
    HOLDFAST_TEST_PASSWORD: password,
    HOLDFAST_TEST_PROVIDER: provider,
} = process.env;
const PEOPLE = "js_travellers";
const POSTS = "js_posts";
const root = new PocketBase(url);
// What was refused is in the output when a test fails.
root.afterSend = (response, data) => {
    if (response.status >= 400) console.error(response.status, response.url, JSON.stringify(data));
    return data;
};
root.autoCancellation(false);

const client = () => {
    const pb = new PocketBase(url);
    pb.autoCancellation(false);
    return pb;
};

before(async () => {
    await root.collection("_superusers").authWithPassword(email, password);
    const oidc = { name: "oidc", clientId: "our-app", clientSecret: "hush", extra: { issuer: provider } };
    const fields = [{ name: "title", type: "text" }, { name: "n", type: "number" }, { name: "owner", type: "text" }];
    const rule = "owner = '' || owner = @request.auth.id";
    // The server is that of other tests, too, which leave theirs.
    for (const name of [POSTS, PEOPLE]) await root.collections.delete(name).catch(() => undefined);
    await root.collections.create({ name: POSTS, type: "base", fields, listRule: rule, viewRule: rule });
    await root.collections.create({ name: PEOPLE, type: "auth", createRule: "", oauth2: { enabled: true, providers: [oidc] } });
});

describe("a line", () => {
    test("opens with the first subscription and closes with the last", async () => {
        const pb = client();
        const stop = await pb.realtime.subscribe("@oauth2", () => {});
        const other = await pb.realtime.subscribe("something/else", () => {}, { query: { a: 1 } });
        assert.equal(pb.realtime.isConnected, true);
        await stop();
        assert.equal(pb.realtime.isConnected, true);
        await other();
        assert.equal(pb.realtime.isConnected, false);
    });

    test("belongs to who subscribed first", async () => {
        const pb = client();
        const people = root.collection(PEOPLE);
        for (const name of ["a", "b"]) {
            const account = { email: `${name}@js.example.com`, password: "long enough", passwordConfirm: "long enough" };
            await people.create(account);
        }
        await pb.collection(PEOPLE).authWithPassword("a@js.example.com", "long enough");
        await pb.realtime.subscribe("one", () => {});
        await pb.collection(PEOPLE).authWithPassword("b@js.example.com", "long enough");
        await assert.rejects(pb.realtime.subscribe("two", () => {}), (failure) => {
            assert.ok(failure instanceof ClientResponseError);
            return failure.status === 403;
        });
        await pb.realtime.unsubscribe();
    });
});

describe("changes of records", () => {
    /** A callback that keeps what it is told, and a way to wait for the next of it. */
    const listener = () => {
        const told = [];
        const waiting = [];
        const take = (message) => (waiting.length ? waiting.shift()(message) : told.push(message));
        const next = () =>
            told.length ? Promise.resolve(told.shift()) : new Promise((resolve) => waiting.push(resolve));
        return { take, next, told };
    };
    const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

    test("of all records, and of one", async () => {
        const pb = client();
        const posts = root.collection(POSTS);
        const known = await posts.create({ title: "known" });
        const all = listener();
        const one = listener();
        await pb.collection(POSTS).subscribe("*", all.take);
        await pb.collection(POSTS).subscribe(known.id, one.take);
        const made = await posts.create({ title: "new" });
        const first = await all.next();
        assert.equal(first.action, "create");
        assert.deepEqual({ ...first.record }, { ...made });
        await posts.update(known.id, { title: "other" });
        assert.deepEqual([(await all.next()).action, (await one.next()).record.title], ["update", "other"]);
        await posts.delete(known.id);
        assert.deepEqual([(await all.next()).action, (await one.next()).action], ["delete", "delete"]);
        await pb.collection(POSTS).unsubscribe("*");
        await posts.delete(made.id);
        await pb.collection(POSTS).unsubscribe();
        assert.equal(all.told.length + one.told.length, 0);
        assert.equal(pb.realtime.isConnected, false);
    });

    test("with options", async () => {
        const pb = client();
        const some = listener();
        await pb.collection(POSTS).subscribe("*", some.take, { filter: "n > 5", fields: "id,n" });
        await root.collection(POSTS).create({ n: 1 });
        const big = await root.collection(POSTS).create({ n: 9 });
        assert.deepEqual(await some.next(), { action: "create", record: { id: big.id, n: 9 } });
        await assert.rejects(pb.collection(POSTS).subscribe("*", () => {}, { filter: "nothing > 5" }), {
            status: 400,
        });
        await pb.realtime.unsubscribe();
    });

    test("for who may see them alone", async () => {
        const owner = client();
        const account = { email: "owner@js.example.com", password: "long enough", passwordConfirm: "long enough" };
        const { id } = await root.collection(PEOPLE).create(account);
        await owner.collection(PEOPLE).authWithPassword(account.email, account.password);
        const guest = client();
        const mine = listener();
        const theirs = listener();
        await owner.collection(POSTS).subscribe("*", mine.take);
        await guest.collection(POSTS).subscribe("*", theirs.take);
        await root.collection(POSTS).create({ title: "secret", owner: id });
        await root.collection(POSTS).create({ title: "open" });
        assert.equal((await mine.next()).record.title, "secret");
        assert.equal((await theirs.next()).record.title, "open");
        await owner.realtime.unsubscribe();
        await guest.realtime.unsubscribe();
    });

    test("again after the line broke", async () => {
        const pb = client();
        const all = listener();
        let again;
        const connected = new Promise((resolve) => (again = resolve));
        await pb.collection(POSTS).subscribe("*", all.take);
        await pb.realtime.subscribe("PB_CONNECT", () => again());
        pb.realtime.eventSource.dispatchEvent(new Event("error")); // as if the network had broken
        pb.realtime.eventSource?.onerror?.(new Event("error"));
        await connected;
        await pause(50);
        await root.collection(POSTS).create({ title: "afterwards" });
        assert.equal((await all.next()).record.title, "afterwards");
        await pb.realtime.unsubscribe();
    });
});

describe("a login in a window of its own", () => {
    /** What somebody does in the window: they log in, and are sent back; the page that they see then. */
    const window = async (address, sub) => {
        const page = await fetch(address, { method: "POST", body: new URLSearchParams({ sub }) });
        assert.equal(new URL(page.url).origin, new URL(url).origin);
        return page.text();
    };

    test("lets somebody in", async () => {
        const pb = client();
        let shown;
        const answer = await pb.collection(PEOPLE).authWithOAuth2({
            provider: "oidc",
            urlCallback: async (address) => {
                shown = await window(address, "ann");
            },
        });
        assert.match(shown, /class="success"/);
        assert.equal(answer.meta.id, "ann");
        assert.equal(answer.record.collectionName, PEOPLE);
        assert.equal(pb.authStore.isValid, true);
        assert.equal(pb.realtime.isConnected, false);
    });

    test("lets nobody in by a code that was used", async () => {
        const pb = client();
        let back;
        await pb.collection(PEOPLE).authWithOAuth2({
            provider: "oidc",
            urlCallback: async (address) => {
                const answer = await fetch(address, {
                    method: "POST",
                    body: new URLSearchParams({ sub: "ben" }),
                    redirect: "manual",
                });
                back = answer.headers.get("location");
                await fetch(back);
            },
        });
        assert.match(await (await fetch(back)).text(), /class="failure"/);
    });
});
