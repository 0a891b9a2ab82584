// Elements made by scripts, and how times stand in them. What they hold is always put in as text.

export const element = (parent, name, text = "", className = "") => {
  const made = parent.appendChild(document.createElement(name));
  [made.textContent, made.className] = [text, className];
  return made;
};

/** `0:07`, `12:03`, `1:02:03`. */
export const clock = (seconds) => {
  const whole = Math.floor(seconds ?? 0), two = (number) => String(number).padStart(2, "0");
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  return hours ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
};
