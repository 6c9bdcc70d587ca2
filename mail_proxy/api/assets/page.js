// Sends what the forms of the page say, and shows the answer as text.
"use strict";

const token = document.getElementById("token");

function address(section, form) {
  let path = section.dataset.path;
  const query = new URLSearchParams();
  for (const input of form.querySelectorAll("input")) {
    if (input.dataset.in === "path") {
      path = path.replace(`{${input.name}}`, encodeURIComponent(input.value));
    } else if (input.value !== "") {
      query.append(input.name, input.value);
    }
  }
  const text = query.toString();
  // Relative to the page: a proxy in front may have a prefix of its own.
  return "." + path + (text ? "?" + text : "");
}

async function send(section, form, shown) {
  const headers = {};
  if (token.value) headers["X-API-Token"] = token.value;
  const body = form.querySelector("textarea");
  if (body) headers["Content-Type"] = "application/json";
  shown.textContent = "...";
  try {
    const answer = await fetch(address(section, form), {
      method: section.dataset.method,
      headers,
      body: body ? body.value : undefined,
      credentials: "omit",
      cache: "no-store",
    });
    const text = await answer.text();
    let told = text;
    try {
      told = JSON.stringify(JSON.parse(text), null, 2);
    } catch {
      // Not JSON: shown as it came.
    }
    shown.textContent = `${answer.status} ${answer.statusText}\n${told}`;
  } catch (error) {
    shown.textContent = String(error);
  }
}

for (const form of document.querySelectorAll("form")) {
  const section = form.closest("section");
  const shown = section.querySelector(".shown");
  form.querySelector("button").disabled = false;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send(section, form, shown);
  });
}
