// Shows the contract and sends requests from it. Credentials live in the two fields above and nowhere else; who is
// signed in at the web UI is so here, too, and sees its theme.
"use strict";

const METHODS = ["get", "post", "put", "patch", "delete"];

function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "class") node.className = value;
    else if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

function resolve(contract, schema) {
  let found = schema;
  while (found && found.$ref) found = contract.components.schemas[found.$ref.split("/").pop()];
  return found || {};
}

function sample(contract, schema, depth = 0) {
  const found = resolve(contract, schema);
  if (found.examples) return found.examples[0];
  if ("default" in found) return found.default;
  if ("const" in found) return found.const;
  if (found.enum) return found.enum[0];
  const union = found.anyOf || found.oneOf;
  if (union) return sample(contract, union[0], depth + 1);
  switch (found.type) {
    case "object": {
      const result = {};
      if (depth < 6) {
        for (const [name, inner] of Object.entries(found.properties || {})) {
          if ((found.required || []).includes(name)) result[name] = sample(contract, inner, depth + 1);
        }
      }
      return result;
    }
    case "array": return found.items && depth < 6 ? [sample(contract, found.items, depth + 1)] : [];
    case "integer": case "number": return found.minimum || 0;
    case "boolean": return false;
    case "null": return null;
    default: return "";
  }
}

function typeName(schema) {
  if (!schema) return "";
  if (schema.$ref) return schema.$ref.split("/").pop();
  const union = schema.anyOf || schema.oneOf;
  if (union) return union.map(typeName).join(" | ");
  if (schema.type === "array") return `${typeName(schema.items)}[]`;
  return schema.type || JSON.stringify(schema.const ?? "any");
}

function parameterTable(parameters, inputs) {
  if (!parameters.length) return "";
  const rows = parameters.map((parameter) => {
    const field = element("input", { "aria-label": parameter.name });
    inputs.push({ parameter, field });
    return element("tr", {},
      element("td", {}, element("code", {}, parameter.name), parameter.required ? " *" : ""),
      element("td", {}, `${parameter.in}, ${typeName(parameter.schema)}`),
      element("td", {}, parameter.description || ""),
      element("td", {}, field));
  });
  return element("div", {}, element("h3", {}, "Parameters"), element("table", {}, element("tbody", {}, ...rows)));
}

function bodyFields(contract, operation) {
  const content = operation.requestBody?.content || {};
  if (content["multipart/form-data"]) {
    const schema = resolve(contract, content["multipart/form-data"].schema);
    const fields = Object.entries(schema.properties).map(([name, inner]) => {
      const type = inner.contentMediaType ? "file" : "text";
      return { name, field: element("input", { type, "aria-label": name }) };
    });
    const labels = fields.map(({ name, field }) => element("label", { class: "field" }, name, field));
    const node = element("div", {}, ...labels);
    return { node, build: () => {
      const form = new FormData();
      for (const { name, field } of fields) {
        if (field.type === "file" && field.files[0]) form.append(name, field.files[0]);
        else if (field.type !== "file" && field.value) form.append(name, field.value);
      }
      return { body: form, headers: {} };
    } };
  }
  if (!content["application/json"]) return { node: "", build: () => ({ headers: {} }) };
  const area = element("textarea", { "aria-label": "Body" });
  area.value = JSON.stringify(sample(contract, content["application/json"].schema), null, 2);
  const node = element("div", {}, element("h3", {}, "Body"), area);
  return { node, build: () => ({ body: area.value, headers: { "Content-Type": "application/json" } }) };
}

function credentialHeaders(operation) {
  const headers = {};
  const wanted = (operation.security || []).flatMap((entry) => Object.keys(entry));
  const key = document.getElementById("api-key").value.trim();
  const token = document.getElementById("token").value.trim();
  if (wanted.includes("apiKeyHeader") && key) headers["X-API-Key"] = key;
  else if (token) headers.Authorization = `Bearer ${token}`;
  return headers;
}

async function show(response, output) {
  output.textContent = `HTTP ${response.status}\n\n`;
  const type = response.headers.get("Content-Type") || "";
  if (type.startsWith("application/json")) {
    output.textContent += JSON.stringify(await response.json(), null, 2);
  } else if (type.startsWith("text/")) {
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      output.textContent += value;
    }
  } else {
    output.textContent += `${(await response.arrayBuffer()).byteLength} bytes of ${type}`;
  }
}

function operationView(contract, path, method, operation) {
  const inputs = [];
  // A long answer is scrolled with the keys.
  const output = element("pre", { hidden: "", tabindex: "0", role: "region", "aria-label": "Answer" });
  const body = bodyFields(contract, operation);
  const send = async () => {
    let address = path;
    const query = new URLSearchParams();
    for (const { parameter, field } of inputs) {
      if (parameter.in === "path") address = address.replace(`{${parameter.name}}`, encodeURIComponent(field.value));
      else if (field.value !== "") query.set(parameter.name, field.value);
    }
    const built = body.build();
    const headers = { ...credentialHeaders(operation), ...built.headers };
    output.hidden = false;
    output.textContent = "…";
    try {
      const search = query.size ? `?${query}` : "";
      const options = { method: method.toUpperCase(), headers, body: built.body };
      await show(await fetch(address + search, options), output);
    } catch (error) {
      output.textContent += `\nThe request failed: ${error.message}`;
    }
  };
  const answers = Object.entries(operation.responses).map(([status, given]) => {
    const answer = given.$ref ? contract.components.responses[given.$ref.split("/").pop()] : given;
    const content = Object.entries(answer.content || {})[0];
    const type = content && content[0] !== "application/json" ? `${content[0]} ` : "";
    const shape = content ? type + typeName(content[1].schema) : "";
    return element("tr", {}, element("td", {}, status), element("td", {}, answer.description),
      element("td", {}, element("code", {}, shape)));
  });
  const scope = operation["x-scope"] ? `API key with scope ${operation["x-scope"]}. ` : "";
  const about = scope + (operation.description || "");
  return element("details", {},
    element("summary", {}, element("span", { class: "method" }, method.toUpperCase()), element("code", {}, path),
      element("span", { class: "what muted" }, operation.summary || "")),
    element("div", { class: "inside" },
      about && element("p", {}, about),
      parameterTable(operation.parameters || [], inputs), body.node,
      element("button", { type: "button", onclick: send }, "Send"), output,
      element("h3", {}, "Answers"), element("table", {}, element("tbody", {}, ...answers))));
}

function render(contract, words) {
  const main = document.getElementById("operations");
  const groups = new Map();
  for (const [path, item] of Object.entries(contract.paths)) {
    for (const method of METHODS.filter((name) => item[name])) {
      const operation = item[method];
      const text = `${path} ${method} ${operation.summary} ${operation.tags}`.toLowerCase();
      if (!words.every((word) => text.includes(word))) continue;
      const tag = (operation.tags || ["Other"])[0];
      if (!groups.has(tag)) groups.set(tag, []);
      groups.get(tag).push(operationView(contract, path, method, operation));
    }
  }
  main.replaceChildren(...[...groups].sort().map(([tag, views]) =>
    element("section", {}, element("h2", {}, tag), ...views)));
}

function kept(name) {
  try {
    return localStorage.getItem(`astrbot_like.${name}`) || "";
  } catch {
    return ""; // A browser that refuses storage.
  }
}

async function start() {
  document.documentElement.dataset.theme = kept("theme");
  document.getElementById("token").value = kept("token");
  const contract = await (await fetch("/api/openapi.json")).json();
  const filter = document.getElementById("filter");
  const update = () => render(contract, filter.value.toLowerCase().split(/\s+/).filter(Boolean));
  filter.addEventListener("input", update);
  document.getElementById("credentials").addEventListener("submit", (event) => event.preventDefault());
  update();
}

start().catch((error) => {
  document.getElementById("operations").textContent = `The contract could not be loaded: ${error.message}`;
});
