// Renders /openapi.json readably. Everything becomes text, never markup.
"use strict";

const byId = (id) => document.getElementById(id);

function element(tag, className, ...children) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...children.filter((child) => child !== "" && child !== null && child !== undefined));
  return made;
}

function link(name) {
  const made = element("a", "", name);
  made.href = `#schema-${name}`;
  return made;
}

function typeOf(schema) {
  if (!schema) return "";
  if (schema.$ref) return link(schema.$ref.split("/").pop());
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  if (schema.anyOf) {
    return element("span", "", ...schema.anyOf.flatMap((part, n) => (n ? [" | ", typeOf(part)] : [typeOf(part)])));
  }
  if (schema.type === "array") return element("span", "", "list of ", typeOf(schema.items));
  if (schema.type === "object" && schema.additionalProperties) {
    return element("span", "", "text → ", typeOf(schema.additionalProperties));
  }
  return [schema.type, schema.format, ...limits(schema)].filter(Boolean).join(", ");
}

const LIMITS = [["minimum", "≥ "], ["maximum", "≤ "], ["minLength", "length ≥ "], ["maxLength", "length ≤ "]];
const limits = (schema) => LIMITS.filter(([key]) => schema[key] !== undefined).map(([key, sign]) => sign + schema[key]);

function table(heads, rows) {
  const head = element("tr", "", ...heads.map((text) => element("th", "", text)));
  const body = rows.map((cells) => element("tr", "", ...cells.map((cell) => element("td", "", cell))));
  return element("div", "wide", element("table", "", element("thead", "", head), element("tbody", "", ...body)));
}

const code = (text) => element("code", "", text);

// `words` between backticks are set as code.
const prose = (text) => element("span", "", ...text.split("`").map((part, n) => (n % 2 ? code(part) : part)));

function who(operation) {
  if (!operation["x-role"]) return "open to all";
  return `role ${operation["x-role"]}${operation["x-own-only"] ? " (an agent: own only)" : ""}`;
}

function answer(content) {
  const [media, { schema }] = Object.entries(content)[0];
  return element("span", "", typeOf(schema), element("span", "quiet", ` ${media}`));
}

function article(path, method, operation) {
  const title = element("h3", "", element("span", `method ${method}`, method.toUpperCase()), element("span", "path", path));
  const made = element("article", "", title, element("p", "", operation.summary, element("span", "quiet", ` — ${who(operation)}`)));
  made.id = operation.operationId;
  if (operation.description) made.append(element("p", "", prose(operation.description)));
  const parameters = operation.parameters ?? [];
  if (parameters.length) {
    made.append(table(["parameter", "in", "type", ""], parameters.map((one) => [code(one.name), one.in, typeOf(one.schema), prose(one.description ?? "")])));
  }
  if (operation.requestBody) made.append(element("p", "", "Body: ", answer(operation.requestBody.content)));
  made.append(table(["status", "answer", ""], Object.entries(operation.responses).map(([status, one]) => [status, answer(one.content), prose(one.description)])));
  return made;
}

function schemaArticle(name, schema) {
  const made = element("article", "", element("h3", "path", name));
  made.id = `schema-${name}`;
  if (schema.description) made.append(element("p", "", prose(schema.description)));
  if (schema.properties) {
    const required = new Set(schema.required ?? []);
    made.append(table(["field", "type", ""], Object.entries(schema.properties).map(([field, about]) => [
      code(field), typeOf(about), prose([required.has(field) ? "" : "may be left out", about.description ?? ""].filter(Boolean).join("; ")),
    ])));
  } else {
    made.append(element("p", "", typeOf(schema)));
  }
  return made;
}

function show(api) {
  document.title = `${api.info.title} API`;
  byId("title").textContent = `${api.info.title} ${api.info.version}`;
  byId("about").replaceChildren(prose(api.info.description));
  const operations = Object.entries(api.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })));
  const items = operations.map(({ path, method, operation }) => {
    const to = element("a", "path", `${method.toUpperCase()} ${path}`);
    to.href = `#${operation.operationId}`;
    return element("li", "", to);
  });
  byId("contents").replaceChildren(element("ul", "", ...items));
  byId("operations").replaceChildren(...operations.map(({ path, method, operation }) => article(path, method, operation)));
  byId("problems").replaceChildren(...api["x-problems"].map((problem) => {
    const row = element("tr", "", element("td", "", code(problem.code)), element("td", "", String(problem.status)), element("td", "", problem.title));
    row.id = `problem-${problem.code}`;
    return row;
  }));
  byId("schemas").replaceChildren(...Object.entries(api.components.schemas).map(([name, schema]) => schemaArticle(name, schema)));
  if (location.hash) document.getElementById(location.hash.slice(1))?.scrollIntoView();
}

fetch("/openapi.json").then((answer) => answer.json()).then(show).catch((error) => {
  byId("about").textContent = `The document cannot be read: ${error.message}`;
});
