/*
 * ask.js -- opens pages in a browser and has each of them call an API.
 *
 * From standard input: { browser, profile, pages: [{ page, calls: [{ url,
 * options }] }] }, options as of fetch().  To standard output, for each page
 * the answers as its script got them: { status, headers, body }, or { error }
 * where the browser let it read nothing.
 */

'use strict';

const fs = require('fs');
const { chromium } = require('playwright-core');


const ARGS = [
    '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
    '--no-proxy-server', '--disable-background-networking',
    '--disable-component-update', '--disable-sync'
];


/* Runs inside the page. */

async function call(calls) {
    const answers = [];

    for (const { url, options } of calls) {
        try {
            const r = await fetch(url, options);
            answers.push({ status: r.status,
                           headers: Object.fromEntries(r.headers),
                           body: await r.text() });

        } catch (e) {
            answers.push({ error: String(e) });
        }
    }

    return answers;
}


async function main() {
    const job = JSON.parse(fs.readFileSync(0, 'utf8'));
    const context = await chromium.launchPersistentContext(job.profile, {
        executablePath: job.browser, headless: true, args: ARGS
    });

    try {
        const answers = [];

        for (const { page, calls } of job.pages) {
            const tab = await context.newPage();
            await tab.goto(page);
            answers.push(await tab.evaluate(call, calls));
            await tab.close();
        }

        process.stdout.write(JSON.stringify(answers));

    } finally {
        await context.close();
    }
}


main().catch((e) => {
    console.error(e);
    process.exitCode = 1;
});
