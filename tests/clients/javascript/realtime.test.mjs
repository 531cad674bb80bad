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
const root = new PocketBase(url);
root.autoCancellation(false);

const client = () => {
    const pb = new PocketBase(url);
    pb.autoCancellation(false);
    return pb;
};

before(async () => {
    await root.collection("_superusers").authWithPassword(email, password);
    const oidc = { name: "oidc", clientId: "our-app", clientSecret: "hush", extra: { issuer: provider } };
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
