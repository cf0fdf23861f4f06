// Something the operator can put right: wrong config, a broken policy folder, a key file that is missing.

/**
 * Thrown at the edges where a person is reading (start-up, CLI). The message is lowercase, names the place, holds
 * no secret and says what to do next; it is printed without a stack.
 */
export class OperatorError extends Error {
  override readonly name = "OperatorError";
}
