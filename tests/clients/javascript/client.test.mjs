// PocketBase's official JavaScript client against a real Holdfast server, whose address, superuser and password are in
// the environment. Run by test_javascript_client.py, or by hand with `node --test`.

import assert from "node:assert/strict";
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { openAsBlob } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { before, describe, test } from "node:test";

import PocketBase, { ClientResponseError } from "pocketbase";

const { HOLDFAST_TEST_URL: url, HOLDFAST_TEST_EMAIL: email, HOLDFAST_TEST_PASSWORD: password } = process.env;
const pb = new PocketBase(url);
pb.autoCancellation(false);

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

/** Take a collection away, whether or not it is there. */
async function drop(name) {
    await pb.collections.delete(name).catch((failure) => assert.equal(failure.status, 404));
}

before(async () => {
    await pb.collection("_superusers").authWithPassword(email, password);
});

describe("logging in", () => {
    test("gives a token that the client finds valid, and the record", async () => {
        const guest = new PocketBase(url);
        const answer = await guest.collection("_superusers").authWithPassword(email, password);
        assert.equal(answer.record.email, email);
        assert.equal(answer.record.collectionName, "_superusers");
        assert.ok(guest.authStore.isValid);
        assert.ok(guest.authStore.isSuperuser);
    });

    test("can be refreshed", async () => {
        const answer = await pb.collection("_superusers").authRefresh();
        assert.equal(answer.record.email, email);
        assert.ok(pb.authStore.isValid);
    });

    test("with a wrong password is refused", async () => {
        await refusal(new PocketBase(url).collection("_superusers").authWithPassword(email, "wrong password"), 400);
    });

    test("tells how one can log in", async () => {
        const methods = await pb.collection("users").listAuthMethods();
        assert.equal(methods.password.enabled, true);
        assert.deepEqual(methods.password.identityFields, ["email"]);
    });
});

describe("the server", () => {
    test("is healthy", async () => {
        assert.equal((await pb.health.check()).code, 200);
    });
});

describe("collections", () => {
    before(() => drop("js_colours"));

    test("are made, read, listed, changed and deleted", async () => {
        const made = await pb.collections.create({
            name: "js_colours",
            type: "base",
            fields: [
                { name: "title", type: "text", required: true, max: 40 },
                { name: "shade", type: "select", values: ["light", "dark"], maxSelect: 1 },
            ],
        });
        assert.match(made.id, /^\w+$/);
        assert.deepEqual(made.fields.map((field) => field.name), ["id", "title", "shade"]);
        assert.equal(made.listRule, null);

        assert.equal((await pb.collections.getOne("js_colours")).id, made.id);
        assert.ok((await pb.collections.getFullList()).some((one) => one.name === "js_colours"));
        assert.equal((await pb.collections.getFirstListItem('name="js_colours"')).id, made.id);

        const renamed = made.fields.map((field) => (field.name === "title" ? { ...field, name: "label" } : field));
        const changed = await pb.collections.update(made.id, { fields: renamed, listRule: "" });
        assert.deepEqual(changed.fields.map((field) => field.name), ["id", "label", "shade"]);
        assert.equal(changed.fields[1].id, made.fields[1].id);
        assert.equal(changed.listRule, "");

        assert.equal(await pb.collections.delete("js_colours"), true);
        await refusal(pb.collections.getOne("js_colours"), 404);
    });

    test("are imported", async () => {
        const wanted = [{ name: "js_colours", type: "base", fields: [{ name: "title", type: "text" }] }];
        assert.equal(await pb.collections.import(wanted, false), true);
        const imported = await pb.collections.getOne("js_colours");
        assert.ok(imported.fields.some((field) => field.name === "title"));
    });

    test("are emptied", async () => {
        await pb.collection("js_colours").create({ title: "red" });
        await pb.collections.truncate("js_colours");
        assert.equal((await pb.collection("js_colours").getFullList()).length, 0);
    });

    test("have scaffolds", async () => {
        const scaffolds = await pb.collections.getScaffolds();
        assert.deepEqual(Object.keys(scaffolds).sort(), ["auth", "base", "view"]);
    });

    test("that are wrong are refused field by field", async () => {
        const failure = await refusal(pb.collections.create({ name: "no spaces allowed", type: "base" }), 400);
        assert.ok(failure.response.data.name.code);
        assert.ok(failure.response.data.name.message);
    });
});

describe("records", () => {
    let ada;

    before(async () => {
        await drop("js_posts");
        await drop("js_people");
        const people = await pb.collections.create({
            name: "js_people",
            type: "base",
            listRule: "",
            viewRule: "",
            fields: [{ name: "name", type: "text", required: true }],
        });
        await pb.collections.create({
            name: "js_posts",
            type: "base",
            listRule: "",
            viewRule: "",
            fields: [
                { name: "title", type: "text", required: true },
                { name: "stars", type: "number" },
                { name: "published", type: "date" },
                { name: "tags", type: "select", values: ["a", "b", "c"], maxSelect: 3 },
                { name: "meta", type: "json" },
                { name: "place", type: "geoPoint" },
                { name: "author", type: "relation", collectionId: people.id, maxSelect: 1, cascadeDelete: true },
                { name: "created", type: "autodate", onCreate: true },
                { name: "updated", type: "autodate", onCreate: true, onUpdate: true },
            ],
            indexes: ["CREATE INDEX idx_js_posts_stars ON js_posts (stars)"],
        });
        ada = await pb.collection("js_people").create({ name: "Ada" });
        for (let number = 1; number <= 45; number++) {
            await pb.collection("js_posts").create({ title: `post ${number}`, stars: number, author: ada.id });
        }
    });

    test("come back as they were sent", async () => {
        const sent = {
            title: 'quotes " and \' and ünïcode 🎉',
            stars: 4.5,
            published: "2026-11-20 09:15:00.123Z",
            tags: ["a", "c"],
            meta: { deep: [1, null, { x: true }] },
            place: { lon: 13.4, lat: 52.5 },
            author: ada.id,
        };
        const made = await pb.collection("js_posts").create(sent);
        for (const [name, value] of Object.entries(sent)) {
            assert.deepEqual(made[name], value, name);
        }
        assert.match(made.id, /^[a-z0-9]{15}$/);
        assert.match(made.created, /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}Z$/);
        assert.equal(made.collectionName, "js_posts");
        assert.deepEqual(await pb.collection("js_posts").getOne(made.id), made);
        await pb.collection("js_posts").delete(made.id);
    });

    test("sent as a form come back the same", async () => {
        const form = new FormData();
        form.append("title", "from a form");
        form.append("stars", "7");
        form.append("tags", "a");
        form.append("tags", "b");
        const made = await pb.collection("js_posts").create(form);
        assert.deepEqual([made.title, made.stars, made.tags], ["from a form", 7, ["a", "b"]]);
        await pb.collection("js_posts").delete(made.id);
    });

    test("are listed in pages", async () => {
        const page = await pb.collection("js_posts").getList(2, 20, { sort: "-stars", filter: "stars <= 45" });
        assert.deepEqual([page.page, page.perPage, page.totalItems, page.totalPages], [2, 20, 45, 3]);
        assert.deepEqual(page.items.map((post) => post.stars), Array.from({ length: 20 }, (_, at) => 25 - at));
    });

    test("are listed without being counted", async () => {
        const page = await pb.collection("js_posts").getList(1, 5, { skipTotal: true });
        assert.deepEqual([page.totalItems, page.totalPages, page.items.length], [-1, -1, 5]);
    });

    test("are listed in full", async () => {
        const all = await pb.collection("js_posts").getFullList({ batch: 10, sort: "stars" });
        assert.deepEqual(all.map((post) => post.stars), Array.from({ length: 45 }, (_, at) => at + 1));
    });

    test("are found by a filter with parameters", async () => {
        const title = "post 7";
        const found = await pb.collection("js_posts").getFirstListItem(pb.filter("title = {:title}", { title }));
        assert.equal(found.stars, 7);
        await refusal(pb.collection("js_posts").getFirstListItem("stars > 1000"), 404);
    });

    test("are filtered by dates and by what they point at", async () => {
        const since = new Date(Date.now() - 3600_000);
        const filter = pb.filter("created > {:since} && author.name ~ {:name}", { since, name: "ad" });
        assert.equal((await pb.collection("js_posts").getList(1, 1, { filter })).totalItems, 45);
    });

    test("bring what they point at, and what points at them", async () => {
        const post = await pb.collection("js_posts").getFirstListItem("stars = 3", { expand: "author" });
        assert.equal(post.expand.author.name, "Ada");
        const person = await pb.collection("js_people").getOne(ada.id, { expand: "js_posts_via_author" });
        assert.equal(person.expand.js_posts_via_author.length, 45);
    });

    test("bring only the fields that are asked for", async () => {
        const post = await pb.collection("js_posts").getFirstListItem("stars = 3", {
            expand: "author",
            fields: "title,expand.author.name",
        });
        assert.deepEqual(post, { title: "post 3", expand: { author: { name: "Ada" } } });
    });

    test("are changed, also by adding and taking away", async () => {
        const post = await pb.collection("js_posts").getFirstListItem("stars = 5");
        assert.equal((await pb.collection("js_posts").update(post.id, { title: "five" })).title, "five");
        assert.equal((await pb.collection("js_posts").update(post.id, { "stars+": 100 })).stars, 105);
        assert.deepEqual((await pb.collection("js_posts").update(post.id, { "tags+": ["b"] })).tags, ["b"]);
        const back = await pb.collection("js_posts").update(post.id, { "stars-": 100, "tags-": "b", title: "post 5" });
        assert.deepEqual([back.stars, back.tags, back.title], [5, [], "post 5"]);
    });

    test("are deleted, with those that point at them", async () => {
        const eve = await pb.collection("js_people").create({ name: "Eve" });
        const post = await pb.collection("js_posts").create({ title: "by Eve", author: eve.id });
        assert.equal(await pb.collection("js_people").delete(eve.id), true);
        await refusal(pb.collection("js_posts").getOne(post.id), 404);
    });

    test("are written in a batch, all or nothing", async () => {
        const batch = pb.createBatch();
        batch.collection("js_posts").create({ title: "one of a batch", stars: 900 });
        batch.collection("js_posts").upsert({ id: "batchbatchbatch", title: "two of a batch", stars: 901 });
        batch.collection("js_people").update(ada.id, { name: "Ada Lovelace" });
        const results = await batch.send();
        assert.deepEqual(results.map((result) => result.status), [200, 200, 200]);
        assert.equal(results[1].body.id, "batchbatchbatch");

        const broken = pb.createBatch();
        broken.collection("js_posts").delete("batchbatchbatch");
        broken.collection("js_posts").create({ stars: 1 });
        const failure = await refusal(broken.send(), 400);
        assert.ok(failure.response.data.requests["1"]);
        assert.equal((await pb.collection("js_posts").getOne("batchbatchbatch")).title, "two of a batch");

        const clean = pb.createBatch();
        for (const post of await pb.collection("js_posts").getFullList({ filter: "stars >= 900" })) {
            clean.collection("js_posts").delete(post.id);
        }
        await clean.send();
    });
});

describe("settings", () => {
    test("are read, changed in part, and sent back as they were read", async () => {
        const before = await pb.settings.getAll();
        assert.equal(before.smtp.password, undefined);
        const changed = await pb.settings.update({ meta: { appName: "JS" } });
        assert.deepEqual(changed, { ...before, meta: { ...before.meta, appName: "JS" } });
        assert.deepEqual(await pb.settings.update(before), before);
    });

    test("say what is wrong in its place", async () => {
        const failure = await refusal(pb.settings.update({ smtp: { port: 70000 } }), 400);
        assert.equal(failure.response.data.smtp.port.code, "validation_out_of_range");
        await refusal(new PocketBase(url).settings.getAll(), 401);
    });

    test("are tried with a mail", async () => {
        assert.equal(await pb.settings.testEmail("users", "ann@example.com", "verification"), true);
        await refusal(pb.settings.testEmail("users", "nobody", "verification"), 400);
    });

    test("make the client secret that Apple wants", async () => {
        const { privateKey } = generateKeyPairSync("ec", {
            namedCurve: "P-256",
            privateKeyEncoding: { type: "pkcs8", format: "pem" },
            publicKeyEncoding: { type: "spki", format: "pem" },
        });
        const made = await pb.settings.generateAppleClientSecret("shop", "A1B2C3D4E5", "F6G7H8I9J0", privateKey, 60);
        assert.equal(JSON.parse(Buffer.from(made.secret.split(".")[1], "base64url")).sub, "shop");
        const wrong = pb.settings.generateAppleClientSecret("shop", "A1", "F6G7H8I9J0", "none", 60);
        assert.deepEqual(Object.keys((await refusal(wrong, 400)).response.data), ["teamId", "privateKey"]);
    });
});

describe("files", () => {
    const picture = Buffer.from("89504e470d0a1a0a0000000d4948445200000001000000010806000000", "hex");
    const DOT = Buffer.from(
        "1f15c4890000000d49444154789c6360606060000000050001a5f645400000000049454e44ae426082",
        "hex",
    ); // what makes a whole picture of it

    before(async () => {
        await drop("js_papers");
        await pb.collections.create({
            name: "js_papers",
            type: "base",
            viewRule: "",
            fields: [
                { name: "title", type: "text" },
                { name: "cover", type: "file", maxSelect: 1, mimeTypes: ["image/png"] },
                { name: "scans", type: "file", maxSelect: 3, protected: true },
            ],
        });
    });

    test("are uploaded, added, taken away and downloaded", async () => {
        const cover = new File([picture], "Über uns.png", { type: "image/png" });
        const scans = [new File(["one"], "one.txt"), new File(["two"], "two.txt")];
        const made = await pb.collection("js_papers").create({ title: "typed", cover, scans });
        assert.equal(made.title, "typed");
        assert.match(made.cover, /^uber_uns_[a-z0-9]{10}\.png$/);
        const got = await fetch(pb.files.getURL(made, made.cover));
        assert.equal(got.headers.get("content-type"), "image/png");
        assert.deepEqual(Buffer.from(await got.arrayBuffer()), picture);
        const third = new File(["three"], "three.txt");
        const changed = await pb
            .collection("js_papers")
            .update(made.id, { "scans+": third, "scans-": made.scans[0], cover: null });
        assert.equal(changed.scans.length, 2);
        assert.equal(changed.scans[0], made.scans[1]);
        assert.equal(changed.cover, "");
    });

    test("from the disk come back as they are, as parts, and small", async () => {
        const folder = await mkdtemp(join(tmpdir(), "holdfast-"));
        const [large, dot] = [join(folder, "large.bin"), join(folder, "dot.png")];
        const bytes = randomBytes(3_000_000);
        await writeFile(large, bytes);
        await writeFile(dot, Buffer.concat([picture, DOT]));
        try {
            const scans = [new File([await openAsBlob(large)], "large.bin")];
            const cover = new File([await openAsBlob(dot)], "dot.png");
            const made = await pb.collection("js_papers").create({ scans, cover });
            const token = await pb.files.getToken();
            const address = pb.files.getURL(made, made.scans[0], { token });
            const got = await fetch(address);
            assert.equal(got.headers.get("content-type"), "application/octet-stream");
            assert.ok(bytes.equals(Buffer.from(await got.arrayBuffer())));
            const part = await fetch(address, { headers: { Range: "bytes=1000000-1000099" } });
            assert.equal(part.status, 206);
            assert.ok(bytes.subarray(1_000_000, 1_000_100).equals(Buffer.from(await part.arrayBuffer())));
            // A machine without time for it gives the picture itself, and is asked again.
            let small = await fetch(pb.files.getURL(made, made.cover, { thumb: "100x100" }));
            for (let tries = 0; tries < 5 && !/100x100_dot_/.test(small.headers.get("content-disposition")); tries++) {
                small = await fetch(pb.files.getURL(made, made.cover, { thumb: "100x100" }));
            }
            assert.match(small.headers.get("content-disposition"), /100x100_dot_/);
            assert.equal(Buffer.from(await small.arrayBuffer()).readUInt32BE(16), 100); // the width in a PNG's header
        } finally {
            await rm(folder, { recursive: true });
        }
    });

    test("that are protected need a token", async () => {
        const made = await pb.collection("js_papers").create({ scans: [new File(["secret"], "s.txt")] });
        await pb.collections.update("js_papers", { viewRule: null });
        const token = await pb.files.getToken();
        assert.equal(await (await fetch(pb.files.getURL(made, made.scans[0], { token }))).text(), "secret");
        assert.equal((await fetch(pb.files.getURL(made, made.scans[0]))).status, 404);
    });

    test("go with a batch", async () => {
        const batch = pb.createBatch();
        batch.collection("js_papers").create({ title: "a", scans: [new File(["1"], "1.txt"), new File(["2"], "2.txt")] });
        batch.collection("js_papers").create({ title: "b" });
        const made = await batch.send();
        assert.deepEqual(
            made.map((one) => one.body.scans.length),
            [2, 0],
        );
    });

    test("of another type are refused", async () => {
        const cover = new File(["<html>"], "a.png", { type: "image/png" });
        const failure = await refusal(pb.collection("js_papers").create({ cover }), 400);
        assert.equal(failure.response.data.cover.code, "validation_invalid_mime_type");
    });
});

describe("refusals", () => {
    test("name the field and what is wrong with it", async () => {
        const failure = await refusal(pb.collection("js_posts").create({ stars: 1 }), 400);
        assert.equal(failure.response.data.title.code, "validation_required");
        assert.ok(failure.message);
    });

    test("name the relation that points at nothing", async () => {
        const failure = await refusal(pb.collection("js_posts").create({ title: "x", author: "nobodynobodynob" }), 400);
        assert.equal(failure.response.data.author.code, "validation_missing_rel_records");
    });

    test("hide what is not there", async () => {
        await refusal(pb.collection("js_posts").getOne("nothingnothing0"), 404);
        await refusal(pb.collection("js_nothing").getList(), 404);
    });

    test("of a filter say where it is wrong", async () => {
        const failure = await refusal(pb.collection("js_posts").getList(1, 1, { filter: "titel = 1" }), 400);
        assert.match(failure.response.message, /title/);
    });

    test("keep guests out of what is closed", async () => {
        const guest = new PocketBase(url);
        assert.equal((await guest.collection("js_posts").getList(1, 1)).items.length, 1);
        await refusal(guest.collection("js_posts").create({ title: "by a guest" }), 403);
        await refusal(guest.collections.getFullList(), 401);
    });
});

describe("backups", () => {
    const name = "js_backup.zip";
    const again = "js_again.zip";

    test("are made, listed, downloaded, uploaded and deleted", async () => {
        await pb.backups.create(name);
        const listed = (await pb.backups.getFullList()).find((one) => one.key === name);
        const token = await pb.files.getToken();
        const answer = await fetch(pb.backups.getDownloadURL(token, name));
        assert.equal(answer.status, 200);
        const archive = await answer.blob();
        assert.equal(archive.size, listed.size);
        await pb.backups.upload({ file: new File([archive], again) });
        assert.ok((await pb.backups.getFullList()).some((one) => one.key === again));
        for (const key of [name, again]) await pb.backups.delete(key);
        assert.ok(!(await pb.backups.getFullList()).some((one) => [name, again].includes(one.key)));
    });

    test("of a wrong name are refused", async () => {
        const failure = await refusal(pb.backups.create("Wrong Name.zip"), 400);
        assert.equal(failure.response.data.name.code, "validation_match_invalid");
    });

    test("that are not there are not brought back", async () => {
        await refusal(pb.backups.restore("none.zip"), 404);
    });
});
