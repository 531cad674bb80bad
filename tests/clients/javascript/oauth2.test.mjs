// OAuth2 by code with PocketBase's official JavaScript client, against a real Holdfast server and a real OpenID provider
// at HOLDFAST_TEST_PROVIDER. Run by test_javascript_oauth2.py.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import PocketBase, { ClientResponseError } from "pocketbase";

const {
    HOLDFAST_TEST_URL: url,
    HOLDFAST_TEST_EMAIL: email,
    HOLDFAST_TEST_PASSWORD: password,
    HOLDFAST_TEST_PROVIDER: provider,
} = process.env;
const PEOPLE = "js_visitors";
const BACK = "https://app.example/back";
const root = new PocketBase(url);
// What was refused is in the output when a test fails.
root.afterSend = (response, data) => {
    if (response.status >= 400) console.error(response.status, response.url, JSON.stringify(data));
    return data;
};
root.autoCancellation(false);
let number = 0;

/** Somebody with an account at the provider. */
async function somebody(claims = {}) {
    const sub = `js${++number}`;
    const body = JSON.stringify({ email: `${sub}@example.com`, email_verified: true, name: "Ann Lee", ...claims });
    const headers = { "Content-Type": "application/json" };
    assert.equal((await fetch(`${provider}/users/${sub}`, { method: "PUT", headers, body })).status, 204);
    return sub;
}

/** What a page does: begin, have the person log in at the provider, and come back with what `authWithOAuth2Code` takes. */
async function comeBack(pb, sub) {
    const begun = (await pb.collection(PEOPLE).listAuthMethods()).oauth2.providers[0];
    const at = begun.authURL + encodeURIComponent(BACK);
    const answer = await fetch(at, { method: "POST", body: new URLSearchParams({ sub }), redirect: "manual" });
    const back = new URL(answer.headers.get("location"));
    assert.equal(back.origin + back.pathname, BACK);
    assert.equal(back.searchParams.get("state"), begun.state);
    return [begun.name, back.searchParams.get("code"), begun.codeVerifier, BACK];
}

function client() {
    const pb = new PocketBase(url);
    pb.autoCancellation(false);
    return pb;
}

before(async () => {
    await root.collection("_superusers").authWithPassword(email, password);
    await root.collections.create({
        name: PEOPLE,
        type: "auth",
        createRule: "",
        fields: [
            { name: "name", type: "text" },
            { name: "city", type: "text" },
        ],
        oauth2: {
            enabled: true,
            mappedFields: { name: "name" },
            providers: [
                { name: "oidc", clientId: "app", clientSecret: "hush", displayName: "Us", extra: { issuer: provider } },
            ],
        },
    });
});

after(async () => {
    await root.collections.delete(PEOPLE);
});

test("a code logs in, and makes a record for who is new", async () => {
    const pb = client();
    const sub = await somebody();
    const first = await pb.collection(PEOPLE).authWithOAuth2Code(...(await comeBack(pb, sub)), { city: "Oslo" });
    assert.ok(pb.authStore.isValid);
    assert.equal(pb.authStore.record.id, first.record.id);
    assert.deepEqual([first.record.name, first.record.city, first.record.verified], ["Ann Lee", "Oslo", true]);
    assert.deepEqual([first.meta.id, first.meta.email, first.meta.isNew], [sub, `${sub}@example.com`, true]);
    assert.equal(first.meta.rawUser.sub, sub);
    const again = await client()
        .collection(PEOPLE)
        .authWithOAuth2Code(...(await comeBack(pb, sub)));
    assert.equal(again.record.id, first.record.id);
    assert.equal(again.meta.isNew, false);
});

test("links are listed and ended", async () => {
    const pb = client();
    const { record } = await pb.collection(PEOPLE).authWithOAuth2Code(...(await comeBack(pb, await somebody())));
    const links = await pb.collection(PEOPLE).listExternalAuths(record.id);
    assert.deepEqual(
        links.map((link) => [link.provider, link.recordRef]),
        [["oidc", record.id]],
    );
    assert.equal(await pb.collection(PEOPLE).unlinkExternalAuth(record.id, "oidc"), true);
    assert.deepEqual(await pb.collection(PEOPLE).listExternalAuths(record.id), []);
});

test("a code that was used is refused", async () => {
    const pb = client();
    const coming = await comeBack(pb, await somebody());
    await pb.collection(PEOPLE).authWithOAuth2Code(...coming);
    await assert.rejects(pb.collection(PEOPLE).authWithOAuth2Code(...coming), (failure) => {
        assert.ok(failure instanceof ClientResponseError);
        assert.equal(failure.status, 400);
        assert.equal(failure.response.data.code.code, "validation_code_used");
        return true;
    });
});
