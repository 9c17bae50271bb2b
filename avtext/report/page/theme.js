// Light or dark: as the system is, until the button says otherwise.

const root = document.documentElement;
const dark = matchMedia("(prefers-color-scheme: dark)");

// Pages opened from a disk may be refused a memory.
function remembered(value) {
  try {
    if (value) localStorage.setItem("avtext-theme", value);
    return localStorage.getItem("avtext-theme");
  } catch {
    return null;
  }
}

function currentTheme() {
  return root.dataset.theme ?? (dark.matches ? "dark" : "light");
}

function showTheme() {
  const other = currentTheme() === "dark" ? "light" : "dark";
  const button = document.getElementById("theme");
  button.textContent = other === "dark" ? "Dark" : "Light";
  button.setAttribute("aria-label", `Change to the ${other} theme`);
  document.dispatchEvent(new Event("themechange"));
}

function toggleTheme() {
  root.dataset.theme = currentTheme() === "dark" ? "light" : "dark";
  remembered(root.dataset.theme);
  showTheme();
}

const known = remembered();
if (known === "dark" || known === "light") root.dataset.theme = known;
document.getElementById("theme").addEventListener("click", toggleTheme);
dark.addEventListener("change", showTheme);
showTheme();
