// Reads action.yml and workflows the way GitHub does, and prints what it minds.
import fs from "node:fs";
import path from "node:path";
import { validate } from "@actions/languageservice";
import { TextDocument } from "vscode-languageserver-textdocument";

async function main(files) {
  let bad = 0;
  for (const file of files) {
    // The kind of document is told by the path: action.yml, or a workflow.
    const name = path.basename(file) === "action.yml" ? "action.yml" : ".github/workflows/" + path.basename(file);
    const document = TextDocument.create("file:///repository/" + name, "yaml", 1, fs.readFileSync(file, "utf8"));
    for (const problem of await validate(document, {})) {
      bad++;
      console.log(`${file}:${problem.range.start.line + 1}: ${problem.message}`);
    }
  }
  console.log(`${files.length} files, ${bad} problems`);
  process.exit(files.length > 0 && bad === 0 ? 0 : 1);
}

main(process.argv.slice(2));
