// Stripe's library at work: one JSON command a line, one answer a line.
//
//   {"sign": {"payload", "secret", "timestamp"}}            -> {"header"}
//   {"judge": {"payload", "header", "secret", "tolerance"}}
//                                            -> {"id"} or {"refused": "<why>"}
//
// Payloads are base64: what is signed are bytes.

const readline = require("readline");
const stripe = require("stripe")("sk_test_none");

function answer(command) {
    if (command.sign) {
        const s = command.sign;
        return { header: stripe.webhooks.generateTestHeaderString({
            payload: Buffer.from(s.payload, "base64").toString("utf8"),
            secret: s.secret, timestamp: s.timestamp }) };
    }
    const j = command.judge;
    try {
        const event = stripe.webhooks.constructEvent(
            Buffer.from(j.payload, "base64"), j.header, j.secret,
            j.tolerance);
        return { id: event.id };
    } catch (error) {
        return { refused: String(error.message) };
    }
}

readline.createInterface({ input: process.stdin }).on("line", (line) => {
    process.stdout.write(JSON.stringify(answer(JSON.parse(line))) + "\n");
});
