// Every auth flow of PocketBase's official JavaScript client but OAuth2, against a real Holdfast server that sends its
// mail to a real mail server, whose mails can be asked for at HOLDFAST_TEST_MAILS. Run by test_javascript_auth.py.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import PocketBase, { ClientResponseError } from "pocketbase";

const {
    HOLDFAST_TEST_URL: url,
    HOLDFAST_TEST_EMAIL: email,
    HOLDFAST_TEST_PASSWORD: password,
    HOLDFAST_TEST_SMTP_PORT: port,
    HOLDFAST_TEST_MAILS: mails,
} = process.env;
const PEOPLE = "js_accounts";
const KNOWN = "a password of somebody";
const root = new PocketBase(url);
// What was refused is in the output when a test fails.
root.afterSend = (response, data) => {
    if (response.status >= 400) console.error(response.status, response.url, JSON.stringify(data));
    return data;
};
root.autoCancellation(false);
let number = 0;

/** The refusal of a promise that has to fail with this status. */
async function refusal(promise, status) {
    try {
        await promise;
    } catch (failure) {
        assert.ok(failure instanceof ClientResponseError, String(failure));
        assert.equal(failure.status, status, JSON.stringify(failure.response));
        return failure;
    }
    return assert.fail(`was not refused with ${status}`);
}

/** The text of the newest mail to an address, as soon as there are so many. */
async function mail(to, count = 1) {
    for (let tries = 0; tries < 1000; tries++) {
        const found = await (await fetch(`${mails}/?to=${encodeURIComponent(to)}`)).json();
        if (found.length >= count) return found.at(-1);
        await new Promise((resolve) => setTimeout(resolve, 10));
    }
    return assert.fail(`no mail to ${to}`);
}

const token = (text) => /(eyJ[\w-]+\.[\w-]+\.[\w-]+)/.exec(text)[1];

/** A client of somebody new, who has logged in if `by` says so. */
async function somebody(by = "password") {
    const record = { email: `js${++number}@example.com`, password: KNOWN, passwordConfirm: KNOWN };
    const { id } = await root.collection(PEOPLE).create(record);
    const pb = new PocketBase(url);
    pb.autoCancellation(false);
    if (by === "password") await pb.collection(PEOPLE).authWithPassword(record.email, KNOWN);
    return { pb, people: pb.collection(PEOPLE), id, email: record.email };
}

before(async () => {
    await root.collection("_superusers").authWithPassword(email, password);
    await root.settings.update({ smtp: { enabled: true, host: "127.0.0.1", port: Number(port) } });
    await root.collections.create({ name: PEOPLE, type: "auth", otp: { enabled: true, duration: 180, length: 8 } });
});

after(async () => {
    await root.collections.delete(PEOPLE);
    await root.settings.update({ smtp: { enabled: false } });
});

describe("logging in", () => {
    test("with a password, and again with the token", async () => {
        const { pb, people, id } = await somebody();
        assert.ok(pb.authStore.isValid);
        assert.equal(pb.authStore.record.id, id);
        const answer = await people.authRefresh();
        assert.equal(answer.record.id, id);
        assert.equal(pb.authStore.token, answer.token);
    });

    test("tells how one can", async () => {
        const methods = await root.collection(PEOPLE).listAuthMethods();
        assert.deepEqual(methods.password, { enabled: true, identityFields: ["email"] });
        assert.deepEqual(methods.otp, { enabled: true, duration: 180 });
        assert.deepEqual(methods.mfa, { enabled: false, duration: 0 });
        assert.deepEqual(methods.oauth2, { enabled: false, providers: [] });
    });

    test("with a one-time password", async () => {
        const { pb, people, id, email } = await somebody("nothing");
        const { otpId } = await people.requestOTP(email);
        const [code] = /\b\d{8}\b/.exec(await mail(email));
        await refusal(people.authWithOTP(otpId, "wrong"), 400);
        const answer = await people.authWithOTP(otpId, code);
        assert.equal(answer.record.id, id);
        assert.equal(answer.record.verified, true);
        assert.ok(pb.authStore.isValid);
        await refusal(people.authWithOTP(otpId, code), 400);
    });

    test("with two factors", async () => {
        await root.collections.update(PEOPLE, { mfa: { enabled: true, duration: 1800 } });
        try {
            const { pb, people, email } = await somebody("nothing");
            const { otpId } = await people.requestOTP(email);
            const [code] = /\b\d{8}\b/.exec(await mail(email));
            const first = await refusal(people.authWithPassword(email, KNOWN), 401);
            const { mfaId } = first.response;
            assert.equal(typeof mfaId, "string");
            assert.ok(!pb.authStore.isValid);
            await people.authWithOTP(otpId, code, { mfaId });
            assert.ok(pb.authStore.isValid);
        } finally {
            await root.collections.update(PEOPLE, { mfa: { enabled: false } });
        }
    });
});

describe("links by mail", () => {
    test("confirm an address", async () => {
        const { pb, people, email } = await somebody();
        assert.equal(pb.authStore.record.verified, false);
        assert.ok(await people.requestVerification(email));
        assert.ok(await people.confirmVerification(token(await mail(email))));
        assert.equal(pb.authStore.record.verified, true, "the client has seen that it was its own");
        assert.equal((await people.authRefresh()).record.verified, true);
    });

    test("set a new password", async () => {
        const { people, email } = await somebody("nothing");
        assert.ok(await people.requestPasswordReset(email));
        const link = token(await mail(email));
        const failure = await refusal(people.confirmPasswordReset(link, "short", "short"), 400);
        assert.equal(failure.response.data.password.code, "validation_min_text_constraint");
        assert.ok(await people.confirmPasswordReset(link, "another password", "another password"));
        await refusal(people.authWithPassword(email, KNOWN), 400);
        assert.equal((await people.authWithPassword(email, "another password")).record.verified, true);
        await refusal(people.confirmPasswordReset(link, "a third password", "a third password"), 400);
    });

    test("change the email", async () => {
        const { pb, people, email } = await somebody();
        assert.ok(await people.requestEmailChange(`new.${email}`));
        const link = token(await mail(`new.${email}`));
        assert.ok(await people.confirmEmailChange(link, KNOWN));
        assert.ok(!pb.authStore.isValid, "the client has seen that its own login ended");
        assert.equal((await people.authWithPassword(`new.${email}`, KNOWN)).record.email, `new.${email}`);
    });

    test("are not sent to those who are not there, and nobody can tell", async () => {
        const { people } = await somebody("nothing");
        assert.ok(await people.requestVerification("nobody@example.com"));
        assert.ok(await people.requestPasswordReset("nobody@example.com"));
        assert.equal(typeof (await people.requestOTP("nobody@example.com")).otpId, "string");
    });
});

describe("a superuser", () => {
    test("sees what somebody sees", async () => {
        const { id } = await somebody("nothing");
        await root.collections.update(PEOPLE, { listRule: "id = @request.auth.id" });
        const other = await root.collection(PEOPLE).impersonate(id, 600);
        assert.equal(other.authStore.record.id, id);
        assert.deepEqual((await other.collection(PEOPLE).getFullList()).map((record) => record.id), [id]);
        await refusal(other.collection(PEOPLE).authRefresh(), 403);
    });

    test("lists the places from which somebody logged in", async () => {
        const { id, people } = await somebody();
        const places = await root.collection("_authOrigins").getFullList({ filter: `recordRef = "${id}"` });
        assert.equal(places.length, 1);
        const own = await people.client.collection("_authOrigins").getFullList();
        assert.deepEqual(own.map((place) => place.id), [places[0].id]);
        assert.ok(await people.client.collection("_authOrigins").delete(places[0].id));
    });
});
