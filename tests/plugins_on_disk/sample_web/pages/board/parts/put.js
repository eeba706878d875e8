export function put(id, text) {
  document.getElementById(id).textContent = text
}
