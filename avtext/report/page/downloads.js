// The events shown as files, made in the page.

function seconds(value) {
  return Number(value.toFixed(3));
}

function asJson() {
  const record = { ...data.record };
  record.events = state.shown.map((event) => {
    const one = { start: event.start, end: event.end, label: data.labels[event.label], score: event.score };
    if (event.shares) one.shares = Object.fromEntries(MODALITIES.map((name, k) => [name, event.shares[k]]));
    return one;
  });
  return `${JSON.stringify(record, null, 1)}\n`;
}

// A cell that a spreadsheet would run as a formula gets a quote before it, as `avtext convert` writes it; a name that
// begins with a minus runs nothing.
function cell(text) {
  const plain = text.replace(/[\r\0]/g, " ");
  const runs = /^[' \t\n\v\f\u00a0\u3000\ufeff]*[=+\-@＝＋－＠]/.test(plain) && !/^-[A-Za-z0-9_.-]+$/.test(plain);
  const guarded = runs ? `'${plain}` : plain;
  return /[",\n]/.test(guarded) ? `"${guarded.replaceAll('"', '""')}"` : guarded;
}

function asCsv() {
  const file = cell(data.record.file);
  const rows = state.shown.map((event) => [file, event.start.toFixed(6), event.end.toFixed(6), cell(data.labels[event.label]), event.score]);
  return `${["file,start,end,label,score", ...rows.map((row) => row.join(","))].join("\n")}\n`;
}

function cueTime(time) {
  const total = Math.round(Math.max(0, time) * 1000);
  const two = (value) => String(value).padStart(2, "0");
  return `${two(Math.floor(total / 3600000))}:${two(Math.floor(total / 60000) % 60)}:${two(Math.floor(total / 1000) % 60)}.${String(total % 1000).padStart(3, "0")}`;
}

function cueText(text) {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replace(/\s*[\r\n]\s*/g, " ");
}

function asVtt() {
  const blocks = state.shown.map((event) => `${cueTime(event.start)} --> ${cueTime(event.end)}\n${cueText(data.labels[event.label])}\n`);
  return ["WEBVTT\n", ...blocks].join("\n");
}

const FILES = { json: [asJson, "application/json"], csv: [asCsv, "text/csv"], vtt: [asVtt, "text/vtt"] };

function download(kind) {
  const [make, type] = FILES[kind];
  const link = element("a");
  const stem = data.record.file.split(/[\\/]/).pop().replace(/\.[^.]*$/, "") || "events";
  link.download = `${stem}.events.${kind}`;
  link.href = URL.createObjectURL(new Blob([make()], { type }));
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

function startDownloads() {
  for (const button of document.querySelectorAll("[data-download]")) {
    button.addEventListener("click", () => download(button.dataset.download));
  }
}
