/** The filters of the receipts. They apply on change, not at each key. */
import { RECEIPT_KINDS } from "./format.ts";

export interface Filter {
  agent: string;
  server: string;
  tool: string;
  kind: string;
  code: string;
}

export const NO_FILTER: Filter = { agent: "", server: "", tool: "", kind: "", code: "" };

const CODES = [
  "invalid_args",
  "denied",
  "approval_required",
  "approval_expired",
  "budget_exceeded",
  "oauth_required",
  "payment_required",
  "revoked",
  "sandbox_violation",
  "tool_changed",
  "upstream_error",
  "unavailable",
];

export function Filters({ filter, onChange }: { filter: Filter; onChange: (filter: Filter) => void }) {
  const set = (member: keyof Filter) => (event: { currentTarget: { value: string } }) =>
    onChange({ ...filter, [member]: event.currentTarget.value.trim() });
  return (
    <search class="filters">
      {(["agent", "server", "tool"] as const).map(member => (
        <label key={member} class="field">
          <span>{member}</span>
          <input type="search" value={filter[member]} spellcheck={false} autocomplete="off" onChange={set(member)} />
        </label>
      ))}
      <Choice label="kind" value={filter.kind} options={RECEIPT_KINDS} onChange={set("kind")} />
      <Choice label="denial reason" value={filter.code} options={CODES} onChange={set("code")} />
    </search>
  );
}

interface ChoiceProps {
  label: string;
  value: string;
  options: string[];
  onChange: (event: { currentTarget: { value: string } }) => void;
}

function Choice({ label, value, options, onChange }: ChoiceProps) {
  return (
    <label class="field">
      <span>{label}</span>
      <select value={value} onChange={onChange}>
        <option value="">any</option>
        {options.map(option => (
          <option key={option} value={option}>
            {option.replaceAll("_", " ")}
          </option>
        ))}
      </select>
    </label>
  );
}
