// Judges OpenAPI documents by the schemas of the OpenAPI initiative, which the
// library brings along: a line of JSON for each file that is named.

import { Validator } from "@seriousme/openapi-schema-validator";

for (const file of process.argv.slice(2)) {
    const validator = new Validator();
    const { valid, errors } = await validator.validate(file);
    console.log(JSON.stringify({
        valid, version: validator.version ?? null,
        errors: valid ? [] : [errors].flat() }));
}
