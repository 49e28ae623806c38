// Starts the DAG behind the form as whoever is logged in to Airflow, and leads to its run.
"use strict";

addEventListener("DOMContentLoaded", () => {
  const form = document.querySelector("form[data-starts]");
  const button = form.querySelector("button");
  const status = form.querySelector("[role=status]");
  const problem = form.querySelector("[role=alert]");

  // An empty field is null; times are UTC.
  const value = (field) => {
    if (field.type === "checkbox") return field.checked;
    if (field.value.trim() === "") return null;
    if (field.type === "number") return Number(field.value);
    if (field.type === "datetime-local") return new Date(`${field.value}Z`).toISOString();
    return field.value.trim();
  };

  const told = async (reply) => {
    if (reply.status === 401) return "You are not logged in any more: load the page again.";
    if (reply.status === 403) return "Your role may not start this DAG: ask whoever manages this Airflow.";
    if (reply.status === 404) return "Airflow does not know this DAG (yet): look at its list of DAGs, and at its import errors.";
    const { detail } = await reply.json().catch(() => ({}));
    return `Airflow refuses (${reply.status}): ${typeof detail === "string" ? detail : JSON.stringify(detail)}`;
  };

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const conf = Object.fromEntries([...form.querySelectorAll("input")].map((field) => [field.name, value(field)]));
    button.disabled = true;
    problem.hidden = true;
    status.textContent = "Starting …";
    let failure;
    try {
      const reply = await fetch(form.dataset.starts, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ logical_date: null, conf }),
      });
      if (reply.ok) {
        const { dag_run_id: id } = await reply.json();
        const there = document.createElement("a");
        there.href = form.dataset.leadsTo + encodeURIComponent(id);
        there.dataset.airflow = "";
        there.textContent = id;
        status.replaceChildren("Started: ", there);
        there.click();
        return;
      }
      failure = await told(reply);
    } catch {
      failure = "Airflow cannot be reached: is it up? Nothing was started.";
    }
    button.disabled = false;
    status.textContent = "";
    problem.hidden = false;
    problem.querySelector("p").textContent = failure;
  });
});
