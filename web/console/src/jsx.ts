/** The functions of the classic JSX transform: shorter than the automatic form, with the same effect. */
export { Fragment, h } from "preact";
